import type { Subscription } from "../../../client/index.ts";
import { CopyButton } from "../../components/copy-button.tsx";
import { Facts } from "../../components/facts.tsx";
import { JsonView } from "../../components/json-view.tsx";
import { Panel } from "../../components/panel.tsx";
import { Time } from "../../components/time.tsx";
import { useSession } from "../../session/session.tsx";
import { durationOf } from "../../subscription-form/durations.ts";
import { HealthPanel } from "./health-panel.tsx";
import { MetricsPanel } from "./metrics-panel.tsx";

/** How it is doing, and what is set. */
export function OverviewTab({ subscription }: { readonly subscription: Subscription }) {
  const { may } = useSession();
  return (
    <div class="stack">
      <HealthPanel subscriptionId={subscription.id} />
      {may("read") ? <MetricsPanel subscriptionId={subscription.id} /> : null}
      <div class="panels">
        <WhatItTakes subscription={subscription} />
        <HowItIsPushed subscription={subscription} />
      </div>
    </div>
  );
}

function WhatItTakes({ subscription: { types, source, filters } }: { readonly subscription: Subscription }) {
  return (
    <Panel title="What it takes">
      <div class="stack">
        <Facts
          facts={[
            ["Types", types === null || types.length === 0 ? "all" : <span class="mono">{types.join(", ")}</span>],
            ["Source", source === null ? "all" : <span class="mono">{source}</span>],
          ]}
        />
        {filters.length === 0 ? (
          <p class="hint">There are no filters: every event of these is taken.</p>
        ) : (
          <JsonView label="Filters" value={filters} />
        )}
      </div>
    </Panel>
  );
}

function HowItIsPushed({ subscription }: { readonly subscription: Subscription }) {
  const { id, sink, format, timeout_ms, retry, rate, concurrency, headers = {} } = subscription;
  const names = Object.keys(headers);
  return (
    <Panel title="How it is pushed">
      <Facts
        facts={[
          [
            "Id",
            <>
              <span class="mono">{id}</span> <CopyButton text={id} label="Copy the id" isIcon />
            </>,
          ],
          ["Sink", <span class="mono">{sink}</span>],
          ["Format", format],
          ["Timeout", `${timeout_ms.toLocaleString("en")} ms`],
          ["Retries after", retry.schedule_s.length === 0 ? "none" : retry.schedule_s.map(durationOf).join(", ")],
          ["Permanent statuses", retry.permanent.length === 0 ? "none" : retry.permanent.join(", ")],
          ["Rate", rate === null ? "no limit" : `${rate.limit.toLocaleString("en")} in ${durationOf(rate.period_s)}`],
          ["Concurrency", concurrency === null ? "no limit" : concurrency],
          ["Headers", names.length === 0 ? "none" : <span class="mono">{names.join(", ")}</span>],
          ["Made", <Time at={subscription.created_at} />],
          ["Changed", <Time at={subscription.updated_at} />],
          ["Version", subscription.version],
        ]}
      />
    </Panel>
  );
}
