import type { Delivery } from "../../../client/index.ts";
import { Empty } from "../../components/empty.tsx";
import type { Column } from "../../components/data-table.tsx";
import { FilterBar, type FilterField } from "../../components/filter-bar.tsx";
import { ListView } from "../../components/list-view.tsx";
import { LacksScope } from "../../components/lacks-scope.tsx";
import { StatusBadge } from "../../components/status-badge.tsx";
import { Time } from "../../components/time.tsx";
import { useList } from "../../data/use-list.ts";
import { useQuery } from "../../data/use-query.ts";
import { useSubscriptions } from "../../data/use-subscriptions.ts";
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
  { name: "cause", label: "Cause", kind: "text", placeholder: "exhausted" },
  { name: "subscription_id", label: "Subscription", kind: "text", placeholder: "sub_…" },
  { name: "event_id", label: "Event", kind: "text", placeholder: "evt_…" },
  { name: "since", label: "Since", kind: "time" },
  { name: "until", label: "Until", kind: "time" },
];

const columnsOf = (nameOf: (id: string) => string): readonly Column<Delivery>[] => [
  { label: "Type", cell: ({ type }) => <span class="mono">{type}</span> },
  { label: "Status", cell: ({ status }) => <StatusBadge status={status} /> },
  { label: "Cause", cell: ({ cause }) => cause ?? <span class="dim">–</span>, isMinor: true },
  {
    label: "Subscription",
    cell: ({ subscription_id }) => <span class="cut">{nameOf(subscription_id)}</span>,
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
  const { may } = useSession();
  if (may("read")) return <Deliveries />;
  return (
    <Page title="Deliveries">
      <LacksScope scope="read" to="see deliveries" />
    </Page>
  );
}

function Deliveries() {
  const { client } = useSession();
  const { nameOf } = useSubscriptions();
  const [query] = useQuery();
  const { status, cause, ...texts } = Object.fromEntries(
    FIELDS.flatMap(({ name }) => (query[name] ? [[name, query[name]]] : [])),
  );
  const known = STATUSES.find((one) => one === status);
  const list = useList(
    (cursor, signal) =>
      client.deliveries.list({ ...texts, ...(known === undefined ? {} : { status: known }) }, { signal }).page(cursor),
    FIELDS.map(({ name }) => (name === "cause" ? null : query[name])),
  );
  // The API does not search by it: of what is loaded, those are shown that have it.
  const rows = list.rows?.filter((row) => cause === undefined || row.cause === cause) ?? null;
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
        list={{ ...list, rows }}
        columns={columnsOf(nameOf)}
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
