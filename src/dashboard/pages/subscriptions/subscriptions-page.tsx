import type { Subscription, SubscriptionMetrics } from "../../../client/index.ts";
import type { Column } from "../../components/data-table.tsx";
import { Empty } from "../../components/empty.tsx";
import { HealthBadge, type KnownHealth } from "../../components/health-badge.tsx";
import { ListView } from "../../components/list-view.tsx";
import { StatusBadge } from "../../components/status-badge.tsx";
import { useList } from "../../data/use-list.ts";
import { useLoad } from "../../data/use-load.ts";
import { PATHS, pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";

/** As many as the counts have on a page: both lists are in the same order, and are read side by side. */
const PAGE_MAX = 50;
/** Sinks in trouble that are looked for. */
const TROUBLED_MAX = 200;

interface Row {
  readonly subscription: Subscription;
  /** Of the last hour; null: nothing is known. */
  readonly metrics: SubscriptionMetrics | null;
}

const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

/** The subscriptions of the bus with how each is doing. */
export function SubscriptionsPage() {
  const { client, bus, may } = useSession();
  const list = useList<Row>(
    async (cursor, signal) => {
      const [of, ofMetrics] = cursor?.split(" ") ?? [];
      const [page, counts] = await Promise.all([
        client.subscriptions.list({ limit: PAGE_MAX }, { signal }).page(of),
        may("read") ? client.metrics.subscriptions({ limit: PAGE_MAX }, { signal }).page(ofMetrics || undefined) : null,
      ]);
      const known = new Map(counts?.data.map((one) => [one.subscription_id, one]));
      return {
        data: page.data.map((subscription) => ({ subscription, metrics: known.get(subscription.id) ?? null })),
        next_cursor: page.next_cursor === null ? null : `${page.next_cursor} ${counts?.next_cursor ?? ""}`,
      };
    },
    [bus],
  );
  const health = useLoad((signal) => client.health.list({ limit: TROUBLED_MAX }, { signal }).page(), [bus]);
  const troubled = new Map(health.data?.data.map((one) => [one.subscription_id, one]));
  return (
    <Page
      title="Subscriptions"
      actions={
        <>
          <button
            type="button"
            class="button"
            onClick={() => {
              list.reload();
              health.reload();
            }}
          >
            Refresh
          </button>
          {may("manage") ? (
            <a class="button primary" href={PATHS.newSubscription}>
              New subscription
            </a>
          ) : null}
        </>
      }
    >
      <ListView
        what="subscriptions"
        list={list}
        columns={columnsOf(troubled, may("read"))}
        keyOf={({ subscription }) => subscription.id}
        hrefOf={({ subscription }) => pathOf("subscription", subscription.id)}
        empty={
          <Empty title="No subscriptions yet">
            <p>A subscription says which events go to which webhook.</p>
          </Empty>
        }
      />
    </Page>
  );
}

function columnsOf(troubled: ReadonlyMap<string, KnownHealth>, isCounted: boolean): readonly Column<Row>[] {
  const counted: readonly Column<Row>[] = [
    { label: "Last hour", cell: ({ metrics }) => settledOf(metrics), align: "end" },
    { label: "Success", cell: ({ metrics }) => successOf(metrics), align: "end" },
  ];
  return [
    { label: "Name", cell: ({ subscription: { name, id } }) => name ?? <span class="mono">{id}</span> },
    { label: "Sink", cell: ({ subscription: { sink } }) => <span class="cut">{new URL(sink).host}</span> },
    { label: "Types", cell: ({ subscription }) => <Types of={subscription} />, isMinor: true },
    { label: "Status", cell: ({ subscription: { status } }) => <StatusBadge status={status} /> },
    { label: "Health", cell: ({ subscription: { id } }) => <HealthBadge health={troubled.get(id) ?? null} /> },
    ...(isCounted ? counted : []),
  ];
}

/** The first, and how many more there are; filters take less than all of these. */
function Types({ of: { types, filters } }: { readonly of: Subscription }) {
  const [first, ...others] = types ?? [];
  const more = others.length === 0 ? "" : ` +${others.length}`;
  return (
    <span title={types?.join("\n")}>
      {first === undefined ? <span class="dim">all</span> : <span class="mono cut">{first}</span>}
      {more}
      {filters.length === 0 ? null : <span class="dim">, filtered</span>}
    </span>
  );
}

/** Deliveries that ended. */
function settledOf(metrics: SubscriptionMetrics | null) {
  if (metrics === null) return <span class="dim">–</span>;
  const { delivered, dead } = metrics.deliveries;
  return (delivered + dead).toLocaleString("en");
}

/** Of its attempts. */
function successOf(metrics: SubscriptionMetrics | null) {
  if (metrics === null) return <span class="dim">–</span>;
  const { succeeded, failed } = metrics.attempts;
  return succeeded + failed === 0 ? <span class="dim">–</span> : percent.format(succeeded / (succeeded + failed));
}
