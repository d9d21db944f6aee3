import { useEffect } from "preact/hooks";
import type { Delivery } from "../../../client/index.ts";
import { ErrorLine } from "../../components/error-line.tsx";
import { Loading } from "../../components/loading.tsx";
import { StatusBadge } from "../../components/status-badge.tsx";
import { useLoad } from "../../data/use-load.ts";
import { pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";

interface FirstDeliveryProps {
  readonly eventId: string;
  /** Told once there is nothing more to wait for. */
  readonly onEnded: () => void;
}

const LOOKED_EVERY_MS = 1000;

const isOpen = ({ status }: Delivery): boolean => status === "pending" || status === "retrying";

/** What becomes of the first event's deliveries, as it happens. */
export function FirstDelivery({ eventId, onEnded }: FirstDeliveryProps) {
  const { client } = useSession();
  const { data, error, reload } = useLoad((signal) => client.events.get(eventId, { signal }), [eventId], {
    everyMs: (event) => (event === null || event.deliveries.some(isOpen) ? LOOKED_EVERY_MS : undefined),
  });
  const isOver = data !== null && !data.deliveries.some(isOpen);
  useEffect(() => {
    if (isOver) onEnded();
  }, [isOver]);
  if (data === null)
    return error === null ? (
      <Loading label="Loading the deliveries" lines={2} />
    ) : (
      <ErrorLine error={error} what="The deliveries cannot be loaded" onRetry={reload} />
    );
  if (data.deliveries.length === 0)
    return (
      <p>
        No subscription took it. <a href={pathOf("event", eventId)}>Why?</a>
      </p>
    );
  return (
    <ul class="plain stack">
      {data.deliveries.map((delivery) => (
        <li key={delivery.id}>
          <StatusBadge status={delivery.status} /> <a href={pathOf("delivery", delivery.id)}>{wordsOf(delivery)}</a>
        </li>
      ))}
    </ul>
  );
}

function wordsOf({ status, attempt, last_attempt, cause }: Delivery): string {
  const answer = last_attempt?.status ?? last_attempt?.error ?? null;
  switch (status) {
    case "delivered":
      return `The sink answered ${answer ?? "2xx"} within ${last_attempt?.duration_ms ?? 0} ms`;
    case "held":
      return "It is held until its subscription is active";
    case "pending":
      return "It is on its way";
    case "retrying":
      return `Attempt ${attempt} failed (${answer ?? "no answer"}): it is tried again`;
    case "dead":
    case "cancelled":
      return `It ended: ${cause ?? answer ?? "no answer"}`;
  }
}
