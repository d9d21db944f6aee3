import { useEffect, useMemo, useState } from "preact/hooks";
import type { StreamedEvent } from "../../client/index.ts";
import { compileWanted } from "../../core/filters/compile.ts";
import { explain } from "../../core/filters/explain.ts";
import { holds } from "../../core/filters/holds.ts";
import { EventView } from "../../core/filters/view.ts";
import { isMembers } from "../../core/json-value.ts";
import { ErrorLine } from "../components/error-line.tsx";
import { Time } from "../components/time.tsx";
import { useStream } from "../data/use-stream.ts";
import { useSession } from "../session/session.tsx";
import { Conditions } from "./conditions.tsx";
import type { Wanted } from "./wanted.ts";

/** So many of the last are tried. */
const EVENTS_MAX = 50;

interface RecentEventsProps {
  /** Null: what is typed says nothing yet. */
  readonly wanted: Wanted | null;
}

/** The last events of the bus, and those that come meanwhile: which of them would be taken, and why. Tried here, with the router's own code. */
export function RecentEvents({ wanted }: RecentEventsProps) {
  const { client, bus } = useSession();
  const [events, setEvents] = useState<readonly StreamedEvent[]>([]);
  const [chosen, setChosen] = useState<string | null>(null);
  useEffect(() => setEvents([]), [bus]);
  const { error } = useStream(
    (signal) => client.events.stream({ replay: EVENTS_MAX }, { signal }),
    ({ event }) =>
      setEvents((before) =>
        [event, ...before.filter(({ event_id }) => event_id !== event.event_id)].slice(0, EVENTS_MAX),
      ),
    [bus],
  );
  const views = useMemo(
    () => events.flatMap((event) => (isMembers(event.event) ? [{ event, view: new EventView(event.event) }] : [])),
    [events],
  );
  const taken = useMemo(() => {
    const condition = wanted === null ? null : compileWanted(wanted);
    return new Set(
      views.flatMap(({ event, view }) => (condition !== null && holds(condition, view) ? [event.event_id] : [])),
    );
  }, [views, wanted]);
  if (error !== null) return <ErrorLine error={error} what="The last events cannot be had" />;
  if (views.length === 0)
    return <p class="hint">No event is on record yet. What is published from now on is tried here.</p>;
  return (
    <div class="stack">
      <p role="status">
        {wanted === null ? (
          "What is typed is not valid: nothing is tried"
        ) : (
          <>
            Takes <strong>{taken.size}</strong> of the last {views.length} events
          </>
        )}
      </p>
      <ul class="tried" aria-label="The last events">
        {views.map(({ event, view }) => {
          const isTaken = taken.has(event.event_id);
          const isChosen = chosen === event.event_id;
          return (
            <li key={event.event_id}>
              <button
                type="button"
                class="tried-event"
                aria-expanded={isChosen}
                disabled={wanted === null}
                onClick={() => setChosen(isChosen ? null : event.event_id)}
              >
                {wanted === null ? null : (
                  <span class={isTaken ? "badge good" : "badge quiet"}>{isTaken ? "taken" : "not taken"}</span>
                )}
                <span class="mono tried-type">{event.type}</span>
                <span class="dim">
                  <Time at={event.accepted_at} />
                </span>
              </button>
              {isChosen && wanted !== null ? (
                <Conditions
                  label={`Why ${event.type} is ${isTaken ? "taken" : "not taken"}`}
                  clauses={explain(wanted, view).clauses}
                />
              ) : null}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
