import { useEffect, useRef, useState } from "preact/hooks";
import type { EventSummary } from "../../../client/index.ts";
import { DataTable } from "../../components/data-table.tsx";
import { Empty } from "../../components/empty.tsx";
import { ErrorLine } from "../../components/error-line.tsx";
import { useStream } from "../../data/use-stream.ts";
import { pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { COLUMNS } from "./columns.tsx";
import { added, caughtUp, EMPTY_TAIL, TAIL_MAX, type Tail } from "./tail.ts";

interface LiveTailProps {
  /** `type`, `source`, `subject`. Another query is another tail: give it a key. */
  readonly query: Readonly<Record<string, string>>;
}

/** So many of the last events are there at once. */
const REPLAY = 50;
/** What comes close together is drawn together. */
const DRAWN_EVERY_MS = 150;
/** Scrolled further than this, one reads. */
const READING_PX = 240;

type Connection = "connecting" | "open" | "lost";

const SAID: Readonly<Record<Connection, string>> = {
  connecting: "Connecting…",
  open: "Live",
  lost: "The connection is lost: coming again…",
};

/** Events as they come on record, the newest on top. It rests while one reads: hovering, scrolled down, or by its button. */
export function LiveTail({ query }: LiveTailProps) {
  const { client } = useSession();
  const [tail, setTail] = useState<Tail>(EMPTY_TAIL);
  const [connection, setConnection] = useState<Connection>("connecting");
  const [isStopped, setStopped] = useState(false);
  const [isHovered, setHovered] = useState(false);
  const isReading = useReading();
  const isPaused = isStopped || isHovered || isReading;
  const add = useTogether((came: readonly EventSummary[]) => setTail((before) => added(before, came, isPaused)));
  const last = useRef<string | undefined>(undefined);
  const { error } = useStream(
    (signal) => {
      const options = {
        signal,
        onOpen: (id: string | null) => {
          last.current = id ?? undefined;
          setConnection("open");
        },
        onPlace: (id: string) => {
          last.current = id;
        },
        onRetry: () => setConnection("lost"),
      };
      // A stream that is opened anew goes on where the former ended.
      return last.current === undefined
        ? client.events.stream({ ...query, replay: REPLAY }, options)
        : client.events.stream(query, { ...options, lastEventId: last.current });
    },
    ({ id, event }) => {
      // What is replayed has none.
      if (id !== "") last.current = id;
      add(event);
    },
    [JSON.stringify(query)],
  );
  useEffect(() => {
    if (!isPaused) setTail((before) => (before.waiting.length === 0 ? before : caughtUp(before)));
  }, [isPaused]);

  const { shown, waiting, fresh } = tail;
  const count = waiting.length >= TAIL_MAX ? `${TAIL_MAX} or more` : String(waiting.length);
  return (
    <section class="panel" aria-label="Events as they come">
      <div class="tail-head">
        <p class={`tail-state ${connection}`} role="status">
          <span class={connection === "open" && !isPaused ? "pulse on" : "pulse"} aria-hidden="true" />
          {connection === "open" && isPaused ? "Paused" : SAID[connection]}
        </p>
        {waiting.length === 0 ? null : (
          <button type="button" class="button small" onClick={() => setTail(caughtUp)}>
            Show {count} new
          </button>
        )}
        <button type="button" class="button small" aria-pressed={isStopped} onClick={() => setStopped(!isStopped)}>
          {isStopped ? "Resume" : "Pause"}
        </button>
      </div>
      <ErrorLine error={error} what="Events cannot be followed" />
      {/* Hovering is a convenience beside the button, not the only way. */}
      <div onMouseEnter={() => setHovered(true)} onMouseLeave={() => setHovered(false)}>
        {shown.length === 0 ? (
          <Empty title="Nothing came yet">
            <p>Events appear here as they come on record.</p>
          </Empty>
        ) : (
          <DataTable
            label="live events"
            columns={COLUMNS}
            rows={shown}
            keyOf={({ event_id }) => event_id}
            hrefOf={({ event_id }) => pathOf("event", event_id)}
            isNew={({ event_id }) => fresh.has(event_id)}
          />
        )}
      </div>
    </section>
  );
}

/** Whether the page is scrolled down. */
function useReading(): boolean {
  const [isReading, setReading] = useState(false);
  useEffect(() => {
    const look = () => setReading(scrollY > READING_PX);
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, []);
  return isReading;
}

/** Collects what comes one by one, and gives it on together, in order. */
function useTogether<T>(give: (came: readonly T[]) => void): (one: T) => void {
  const latest = useRef(give);
  latest.current = give;
  const came = useRef<T[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (one) => {
    came.current.push(one);
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      latest.current(came.current.splice(0));
    }, DRAWN_EVERY_MS);
  };
}
