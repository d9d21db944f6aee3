import type { MetricsInSteps } from "../../../client/index.ts";
import { Time } from "../../components/time.tsx";
import { duration, perMinute, percent, short, slowOf, successOf } from "./figures.ts";
import { Tile } from "./tile.tsx";

/** Below so many percent something is wrong with sinks; below the other it is urgent. */
const SUCCESS_WELL = 99;
const SUCCESS_BAD = 90;
/** The oldest that waits for longer than this is told of in another colour. */
const LAG_MS = 60_000;

/** The figures of the range, and what waits now. */
export function FiguresRow({ metrics }: { readonly metrics: MetricsInSteps }) {
  const { total, backlog } = metrics;
  const events = total.events ?? 0;
  const { delivered, dead } = total.deliveries;
  const success = successOf(total);
  const slow = slowOf(total);
  return (
    <dl class="tiles">
      <Tile label="Events a minute" value={short(perMinute(events, metrics))} note={`${short(events)} in all`} />
      <Tile
        label="Deliveries a minute"
        value={short(perMinute(delivered, metrics))}
        note={`${short(delivered)}, and ${short(dead)} dead`}
      />
      <Tile
        label="Attempts succeed"
        value={percent(success)}
        note={`${short(total.attempts.failed)} failed`}
        tone={success === null || success >= SUCCESS_WELL ? undefined : success >= SUCCESS_BAD ? "warn" : "bad"}
      />
      <Tile
        label="Delivered in, p95"
        value={duration(total.delivery_ms.p95)}
        note={`p50 ${duration(total.delivery_ms.p50)}, p99 ${duration(total.delivery_ms.p99)}`}
      />
      <Waiting backlog={backlog} />
      <Tile
        label="On lane slow"
        value={percent(slow)}
        note={`${short(total.attempts.slow_lane)} of ${short(total.attempts.succeeded + total.attempts.failed)} attempts`}
      />
    </dl>
  );
}

/** Lag: what has not ended, and since when the oldest of it waits. */
function Waiting({ backlog }: Pick<MetricsInSteps, "backlog">) {
  if (backlog === null) return null;
  const { waiting, held, is_least, oldest_accepted_at } = backlog;
  const isLate = oldest_accepted_at !== null && Date.now() - Date.parse(oldest_accepted_at) > LAG_MS;
  const least = is_least ? "+" : "";
  return (
    <Tile
      label="Waiting now"
      value={`${short(waiting)}${least}`}
      tone={isLate ? "warn" : undefined}
      note={
        <>
          {oldest_accepted_at === null ? (
            "no lag"
          ) : (
            <>
              oldest <Time at={oldest_accepted_at} />
            </>
          )}
          , {short(held)}
          {least} held
        </>
      }
    />
  );
}
