import type { SinkHealthInFull } from "../../../client/index.ts";
import { ErrorLine } from "../../components/error-line.tsx";
import { Facts } from "../../components/facts.tsx";
import { HealthBadge } from "../../components/health-badge.tsx";
import { Loading } from "../../components/loading.tsx";
import { Panel } from "../../components/panel.tsx";
import { Time } from "../../components/time.tsx";
import { useLoad } from "../../data/use-load.ts";
import { useSession } from "../../session/session.tsx";

const EVERY_MS = 5_000;

const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 0 });

/** How the sink is doing, every few seconds anew. */
export function HealthPanel({ subscriptionId }: { readonly subscriptionId: string }) {
  const { client, bus } = useSession();
  const { data, error, reload } = useLoad(
    (signal) => client.subscriptions.health(subscriptionId, { signal }),
    [bus, subscriptionId],
    { everyMs: EVERY_MS },
  );
  return (
    <Panel title="Health" actions={data === null ? null : <HealthBadge health={data} />}>
      <ErrorLine error={error} what="The health cannot be loaded" onRetry={reload} />
      {data === null ? error === null ? <Loading label="Loading the health" /> : null : <Facts facts={factsOf(data)} />}
    </Panel>
  );
}

function factsOf(health: SinkHealthInFull): Parameters<typeof Facts>[0]["facts"] {
  const { latency_ms, lag_s } = health;
  return [
    ["Breaker", health.breaker],
    ["Lane", health.lane],
    ["An attempt takes", latency_ms === null ? <None /> : `${Math.round(latency_ms).toLocaleString("en")} ms`],
    ["Of the last attempts failed", percent.format(health.failure_rate)],
    ["Failures in a row", health.failures],
    ["Behind by", lag_s === null ? "nothing" : `${Math.round(lag_s).toLocaleString("en")} s`],
    ...when("Failing since", health.failing_since),
    ...when("Breaker opened", health.opened_at),
    ...when("Next probe", health.probe_at),
    ...when("Asked to wait until", health.paused_until),
  ];
}

const None = () => <span class="dim">–</span>;

/** Left out when there is no such time. */
const when = (name: string, at: string | null): Parameters<typeof Facts>[0]["facts"] =>
  at === null ? [] : [[name, <Time at={at} />]];
