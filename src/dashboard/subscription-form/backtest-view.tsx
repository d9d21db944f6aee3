import { useEffect, useState } from "preact/hooks";
import type { EventSummary } from "../../client/index.ts";
import { ChoiceField } from "../components/choice-field.tsx";
import { ErrorLine } from "../components/error-line.tsx";
import { Time } from "../components/time.tsx";
import { useLoad } from "../data/use-load.ts";
import { pathOf } from "../paths.ts";
import { useSession } from "../session/session.tsx";
import { useBacktest, type Backtest, type BacktestHandle, type Hits } from "./use-backtest.ts";
import type { Wanted } from "./wanted.ts";

const SPANS = [
  { value: "hour", label: "last hour", ms: 3_600_000 },
  { value: "day", label: "last day", ms: 86_400_000 },
  { value: "week", label: "last 7 days", ms: 604_800_000 },
  { value: "all", label: "whole record", ms: null },
] as const;

type Span = (typeof SPANS)[number]["value"];

interface BacktestViewProps {
  readonly wanted: Wanted;
  /** Whom it is compared with; null: nobody. */
  readonly subscriptionId: string | null;
  /** Begins by itself. */
  readonly isRunAtOnce?: boolean;
}

const COUNT = new Intl.NumberFormat("en");

/** What these filters would have taken of the events on record, and how that differs from what is saved. */
export function BacktestView({
  wanted: { types, source, filters },
  subscriptionId,
  isRunAtOnce = false,
}: BacktestViewProps) {
  const [span, setSpan] = useState<Span>("day");
  const [asked, setAsked] = useState<Span>("day");
  const handle = useBacktest({ types, source, filters }, subscriptionId);
  const { backtest } = handle;
  const isRunning = backtest?.state === "running";
  const start = () => {
    setAsked(span);
    const ms = SPANS.find(({ value }) => value === span)?.ms ?? null;
    handle.start(ms === null ? null : Date.now() - ms);
  };
  useEffect(() => {
    if (isRunAtOnce) start();
  }, []);
  return (
    <div class="stack">
      <div class="row ends">
        <ChoiceField label="Events of the" value={span} choices={SPANS} onValue={setSpan} />
        <button type="button" class="button" disabled={isRunning} onClick={start}>
          Run the backtest
        </button>
        {isRunning ? (
          <button type="button" class="button" onClick={handle.stop}>
            Stop
          </button>
        ) : null}
      </div>
      {backtest === null ? (
        <p class="hint">Tries it on the events on record. Nothing is delivered or changed.</p>
      ) : (
        <Found backtest={backtest} span={asked} handle={handle} />
      )}
    </div>
  );
}

interface FoundProps {
  readonly backtest: Backtest;
  readonly span: Span;
  readonly handle: BacktestHandle;
}

function Found({ backtest, span, handle }: FoundProps) {
  const { state, error, examined, skipped, matched, difference } = backtest;
  const label = SPANS.find(({ value }) => value === span)?.label ?? span;
  return (
    <div class="stack">
      <p role="status">
        {state === "running" ? "So far: would" : "Would"} have matched <strong>{COUNT.format(matched.count)}</strong> of{" "}
        <strong>{COUNT.format(examined)}</strong> events in the {label}
        {skipped === 0 ? "" : `, ${COUNT.format(skipped)} could not be tried: they are erased or no longer kept`}
      </p>
      {state === "part" || state === "stopped" ? (
        <p class="notice">
          <span>
            Only the newest {COUNT.format(examined + skipped)} of the {label} were looked at
          </span>
          <button type="button" class="button small" onClick={handle.goOn}>
            Look at more
          </button>
        </p>
      ) : null}
      <ErrorLine error={error} what="It could not be tried on all" onRetry={handle.goOn} />
      <Kept span={span} />
      {difference === null ? (
        <Sample title="Matched" hits={matched} />
      ) : (
        <>
          <Sample title="Newly matched" hits={difference.gained} sign="+" />
          <Sample title="No longer matched" hits={difference.lost} sign="−" />
        </>
      )}
    </div>
  );
}

/** The record may be shorter than what is asked for, or hold failures only: then the figure is not of all that was published. */
function Kept({ span }: { readonly span: Span }) {
  const { client, bus } = useSession();
  const { data } = useLoad((signal) => client.buses.get(bus, { signal }), [bus]);
  const ms = SPANS.find(({ value }) => value === span)?.ms ?? null;
  if (data === null) return null;
  const { log_level, events_since } = data.effective;
  if (log_level === "failures")
    return <p class="hint">This bus keeps only what failed: events that were delivered at once are not on record.</p>;
  return ms !== null && new Date(events_since).getTime() > Date.now() - ms ? (
    <p class="hint">
      Events are on record since <Time at={events_since} show="absolute" />
    </p>
  ) : null;
}

interface SampleProps {
  readonly title: string;
  readonly hits: Hits;
  readonly sign?: "+" | "−";
}

function Sample({ title, hits: { count, sample }, sign }: SampleProps) {
  return (
    <section class="sample">
      <h3>
        {title}: {sign !== undefined && count > 0 ? sign : ""}
        {COUNT.format(count)}
      </h3>
      {sample.length === 0 ? null : (
        <ul>
          {sample.map((event) => (
            <SampleEvent key={event.event_id} event={event} />
          ))}
        </ul>
      )}
      {count > sample.length ? <p class="hint">The newest {sample.length} are shown</p> : null}
    </section>
  );
}

function SampleEvent({ event }: { readonly event: EventSummary }) {
  return (
    <li>
      <a class="mono" href={pathOf("event", event.event_id)} target="_blank">
        {event.type}
      </a>{" "}
      <span class="dim">
        {event.subject ?? event.id ?? ""} <Time at={event.accepted_at} />
      </span>
    </li>
  );
}
