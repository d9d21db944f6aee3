import type { DeliveryInFull } from "../../../client/index.ts";
import type { Column } from "../../components/data-table.tsx";
import { DataTable } from "../../components/data-table.tsx";
import { Empty } from "../../components/empty.tsx";
import { RetryButton } from "../../components/retry-button.tsx";
import { StatusBadge } from "../../components/status-badge.tsx";
import { Time } from "../../components/time.tsx";
import { PATHS, pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import type { Recorded } from "./recorded.ts";

interface RoutingProps {
  readonly of: Recorded;
  readonly nameOf: (subscriptionId: string) => string;
  readonly onRetried: () => void;
}

/** For those that have not been delivered. */
const retryColumn = (onRetried: () => void): Column<DeliveryInFull> => ({
  label: "Retry",
  cell: (delivery) =>
    delivery.status === "delivered" ? (
      <span class="dim">–</span>
    ) : (
      <RetryButton delivery={delivery} onRetried={onRetried} isSmall />
    ),
  align: "end",
});

/** Which subscriptions took the event, and what became of each delivery. */
export function Routing({ of: { event, deliveries }, nameOf, onRetried }: RoutingProps) {
  const { may } = useSession();
  const columns: readonly Column<DeliveryInFull>[] = [
    { label: "Subscription", cell: ({ subscription_id }) => nameOf(subscription_id) },
    { label: "Status", cell: ({ status }) => <StatusBadge status={status} /> },
    { label: "Cause", cell: ({ cause }) => cause ?? <span class="dim">–</span>, isMinor: true },
    { label: "Attempts", cell: ({ attempt }) => attempt, align: "end" },
    {
      label: "Answer",
      cell: ({ last_attempt }) => last_attempt?.status ?? last_attempt?.error ?? <span class="dim">–</span>,
    },
    { label: "Next attempt", cell: ({ due_at }) => <Time at={due_at} />, align: "end" },
    ...(may("manage") ? [retryColumn(onRetried)] : []),
  ];
  return (
    <section class="panel" aria-label="Deliveries of the event">
      <div class="panel-head">
        <h2>Deliveries</h2>
      </div>
      {deliveries.length === 0 ? (
        <Empty title="No subscription took it">
          <p>Ask below what one of them asks for.</p>
        </Empty>
      ) : (
        <DataTable
          label="deliveries"
          columns={columns}
          rows={deliveries}
          keyOf={({ id }) => id}
          hrefOf={({ id }) => pathOf("delivery", id)}
        />
      )}
      {event.deliveries_next_cursor === null ? null : (
        <p class="more">
          <a href={`${PATHS.deliveries}?${new URLSearchParams({ event_id: event.event_id }).toString()}`}>
            All its deliveries
          </a>
        </p>
      )}
    </section>
  );
}
