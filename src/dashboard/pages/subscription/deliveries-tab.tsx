import { useState } from "preact/hooks";
import type { Delivery } from "../../../client/index.ts";
import type { Column } from "../../components/data-table.tsx";
import { Empty } from "../../components/empty.tsx";
import { ErrorLine } from "../../components/error-line.tsx";
import { ListView } from "../../components/list-view.tsx";
import { StatusBadge } from "../../components/status-badge.tsx";
import { Time } from "../../components/time.tsx";
import { useList, type Listed } from "../../data/use-list.ts";
import { useStream } from "../../data/use-stream.ts";
import { pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";

/** Of those that were settled while one looks. */
const LIVE_MAX = 200;

const COLUMNS: readonly Column<Delivery>[] = [
  { label: "Type", cell: ({ type }) => <span class="mono">{type}</span> },
  { label: "Status", cell: ({ status }) => <StatusBadge status={status} /> },
  { label: "Cause", cell: ({ cause }) => cause ?? <span class="dim">–</span>, isMinor: true },
  { label: "Attempts", cell: ({ attempt }) => attempt, align: "end" },
  {
    label: "Answer",
    cell: ({ last_attempt }) => last_attempt?.status ?? last_attempt?.error ?? <span class="dim">–</span>,
  },
  {
    label: "Took",
    cell: ({ last_attempt }) =>
      last_attempt === null ? <span class="dim">–</span> : `${last_attempt.duration_ms.toLocaleString("en")} ms`,
    align: "end",
    isMinor: true,
  },
  { label: "Last attempt", cell: ({ last_attempt }) => <Time at={last_attempt?.at ?? null} />, align: "end" },
];

/** Its deliveries: those on record, and each again in the moment in which it is settled. */
export function DeliveriesTab({ subscriptionId }: { readonly subscriptionId: string }) {
  const { client, bus } = useSession();
  const [isLive, setLive] = useState(true);
  const [live, setSettled] = useState<readonly Delivery[]>([]);
  const list = useList(
    (cursor, signal) => client.deliveries.list({ subscription_id: subscriptionId }, { signal }).page(cursor),
    [bus, subscriptionId],
  );
  const { error } = useStream(
    isLive ? (signal) => client.subscriptions.stream(subscriptionId, { signal }) : null,
    ({ delivery }) =>
      setSettled((before) => [delivery, ...before.filter(({ id }) => id !== delivery.id)].slice(0, LIVE_MAX)),
    [bus, subscriptionId, isLive],
  );
  return (
    <div class="stack">
      <div class="row between">
        <p class="hint">{isLive ? "What is settled comes on top by itself" : "Paused: nothing comes by itself"}</p>
        <button
          type="button"
          class="button"
          aria-pressed={isLive}
          onClick={() => {
            setLive(!isLive);
            // What was settled meanwhile is on record.
            list.reload();
          }}
        >
          Live
        </button>
      </div>
      <ErrorLine error={error} what="What is settled cannot be followed" />
      <ListView
        what="deliveries"
        list={joined(live, list)}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        hrefOf={({ id }) => pathOf("delivery", id)}
        empty={
          <Empty title="No deliveries">
            <p>Each event that it takes becomes one.</p>
          </Empty>
        }
      />
    </div>
  );
}

/** What was settled meanwhile stands before the list, once. */
function joined(live: readonly Delivery[], list: Listed<Delivery>): Listed<Delivery> {
  if (list.rows === null) return list;
  const ids = new Set(live.map(({ id }) => id));
  return { ...list, rows: [...live, ...list.rows.filter(({ id }) => !ids.has(id))] };
}
