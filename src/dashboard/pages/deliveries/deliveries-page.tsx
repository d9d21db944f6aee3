import type { Delivery } from "../../../client/index.ts";
import { Empty } from "../../components/empty.tsx";
import type { Column } from "../../components/data-table.tsx";
import { FilterBar, type FilterField } from "../../components/filter-bar.tsx";
import { ListView } from "../../components/list-view.tsx";
import { StatusBadge } from "../../components/status-badge.tsx";
import { Time } from "../../components/time.tsx";
import { useList } from "../../data/use-list.ts";
import { useQuery } from "../../data/use-query.ts";
import { pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";

const STATUSES = [
  "pending",
  "retrying",
  "held",
  "delivered",
  "dead",
  "cancelled",
] as const satisfies readonly Delivery["status"][];

const FIELDS: readonly FilterField[] = [
  { name: "status", label: "Status", kind: "choice", choices: STATUSES },
  { name: "subscription_id", label: "Subscription", kind: "text", placeholder: "sub_…" },
  { name: "event_id", label: "Event", kind: "text", placeholder: "evt_…" },
  { name: "since", label: "Since", kind: "time" },
  { name: "until", label: "Until", kind: "time" },
];

const COLUMNS: readonly Column<Delivery>[] = [
  { label: "Type", cell: ({ type }) => <span class="mono">{type}</span> },
  { label: "Status", cell: ({ status }) => <StatusBadge status={status} /> },
  { label: "Cause", cell: ({ cause }) => cause ?? <span class="dim">–</span>, isMinor: true },
  {
    label: "Subscription",
    cell: ({ subscription_id }) => <span class="mono cut">{subscription_id}</span>,
    isMinor: true,
  },
  { label: "Attempts", cell: ({ attempt }) => attempt, align: "end" },
  {
    label: "Answer",
    cell: ({ last_attempt }) => last_attempt?.status ?? last_attempt?.error ?? <span class="dim">–</span>,
  },
  { label: "Took", cell: ({ last_attempt }) => tookOf(last_attempt), align: "end", isMinor: true },
  { label: "Last attempt", cell: ({ last_attempt }) => <Time at={last_attempt?.at ?? null} />, align: "end" },
];

/** The deliveries of the bus, newest first, searched by what is in the URL. */
export function DeliveriesPage() {
  const { client } = useSession();
  const [query] = useQuery();
  const { status, ...texts } = Object.fromEntries(
    FIELDS.flatMap(({ name }) => (query[name] ? [[name, query[name]]] : [])),
  );
  const known = STATUSES.find((one) => one === status);
  const list = useList(
    (cursor, signal) =>
      client.deliveries.list({ ...texts, ...(known === undefined ? {} : { status: known }) }, { signal }).page(cursor),
    FIELDS.map(({ name }) => query[name]),
  );
  return (
    <Page
      title="Deliveries"
      actions={
        <button type="button" class="button" onClick={list.reload}>
          Refresh
        </button>
      }
    >
      <FilterBar label="Search deliveries" fields={FIELDS} />
      <ListView
        what="deliveries"
        list={list}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        hrefOf={({ id }) => pathOf("delivery", id)}
        empty={
          <Empty title="No deliveries">
            <p>Each event that a subscription takes becomes one.</p>
          </Empty>
        }
      />
    </Page>
  );
}

const tookOf = (attempt: Delivery["last_attempt"]) =>
  attempt === null ? <span class="dim">–</span> : `${attempt.duration_ms.toLocaleString("en")} ms`;
