import { useState } from "preact/hooks";
import type { MetricsInSteps } from "../../../client/index.ts";
import { TimeChart } from "../../charts/time-chart.tsx";
import { ChoiceField } from "../../components/choice-field.tsx";
import { ErrorLine } from "../../components/error-line.tsx";
import { Loading } from "../../components/loading.tsx";
import { Panel } from "../../components/panel.tsx";
import { useLoad } from "../../data/use-load.ts";
import { useSession } from "../../session/session.tsx";

const SPANS = [
  { value: "hour", label: "Last hour", ms: 3_600_000 },
  { value: "day", label: "Last day", ms: 86_400_000 },
  { value: "week", label: "Last 7 days", ms: 604_800_000 },
] as const;

type Span = (typeof SPANS)[number]["value"];

const EVERY_MS = 15_000;

const inMs = (value: number): string => `${Math.round(value).toLocaleString("en")} ms`;

/** How many attempts succeeded and how long they took, over time. */
export function MetricsPanel({ subscriptionId }: { readonly subscriptionId: string }) {
  const { client, bus } = useSession();
  const [span, setSpan] = useState<Span>("hour");
  const ms = SPANS.find(({ value }) => value === span)?.ms ?? SPANS[0].ms;
  const { data, error, reload } = useLoad(
    (signal) => client.metrics.get({ subscription_id: subscriptionId, since: new Date(Date.now() - ms) }, { signal }),
    [bus, subscriptionId, span],
    { everyMs: EVERY_MS },
  );
  return (
    <Panel title="Attempts" actions={<ChoiceField label="Time" value={span} choices={SPANS} onValue={setSpan} />}>
      <ErrorLine error={error} what="The counts cannot be loaded" onRetry={reload} />
      {data === null ? (
        error === null ? (
          <Loading label="Loading the counts" lines={6} />
        ) : null
      ) : (
        <Charts metrics={data} />
      )}
    </Panel>
  );
}

function Charts({ metrics: { data, total } }: { readonly metrics: MetricsInSteps }) {
  const times = data.map(({ at }) => new Date(at).getTime() / 1000);
  const { attempts, deliveries, attempt_ms } = total;
  const all = attempts.succeeded + attempts.failed;
  return (
    <div class="stack">
      <p>
        <strong>{all.toLocaleString("en")}</strong> {all === 1 ? "attempt" : "attempts"},{" "}
        {attempts.failed.toLocaleString("en")} failed; <strong>{deliveries.delivered.toLocaleString("en")}</strong>{" "}
        delivered, {deliveries.dead.toLocaleString("en")} dead
        {attempt_ms.p95 === null ? "" : `; 95 % of attempts took less than ${inMs(attempt_ms.p95)}`}
      </p>
      <div class="panels">
        <TimeChart
          label="Attempts"
          summary={`${all} attempts, ${attempts.failed} failed`}
          times={times}
          series={[
            {
              label: "all",
              tone: "good",
              kind: "bars",
              values: data.map((point) => point.attempts.succeeded + point.attempts.failed),
            },
            { label: "failed", tone: "bad", kind: "bars", values: data.map((point) => point.attempts.failed) },
          ]}
        />
        <TimeChart
          label="What an attempt takes"
          times={times}
          format={inMs}
          series={[
            { label: "p50", tone: "accent", values: data.map((point) => point.attempt_ms.p50) },
            { label: "p95", tone: "warn", values: data.map((point) => point.attempt_ms.p95) },
          ]}
        />
      </div>
    </div>
  );
}
