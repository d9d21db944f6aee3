import { useRoute } from "preact-iso";
import type { DeliveryInFull } from "../../../client/index.ts";
import { attemptMoment } from "../../components/attempt-moment.tsx";
import { CopyButton } from "../../components/copy-button.tsx";
import { Empty } from "../../components/empty.tsx";
import { ErrorLine } from "../../components/error-line.tsx";
import { Facts } from "../../components/facts.tsx";
import { Loading } from "../../components/loading.tsx";
import { LacksScope } from "../../components/lacks-scope.tsx";
import { Panel } from "../../components/panel.tsx";
import { RetryButton } from "../../components/retry-button.tsx";
import { StatusBadge } from "../../components/status-badge.tsx";
import { Time } from "../../components/time.tsx";
import { Timeline } from "../../components/timeline.tsx";
import { openEveryMs } from "../../data/open-deliveries.ts";
import { useLoad } from "../../data/use-load.ts";
import { useSubscriptions } from "../../data/use-subscriptions.ts";
import { PATHS, pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";

const PARENT = { href: PATHS.deliveries, label: "Deliveries" };

/** One delivery: what it is of, and all its attempts. It is loaded again until it has ended. */
export function DeliveryPage() {
  const { id = "" } = useRoute().params;
  const { may } = useSession();
  if (may("read")) return <DeliveryOf key={id} id={id} />;
  return (
    <Page title="Delivery" parent={PARENT}>
      <LacksScope scope="read" to="see deliveries" />
    </Page>
  );
}

function DeliveryOf({ id }: { readonly id: string }) {
  const { client } = useSession();
  const { data, error, reload } = useLoad((signal) => client.deliveries.get(id, { signal }), [id], {
    everyMs: (delivery) => openEveryMs(delivery === null ? [] : [delivery]),
  });
  return (
    <Page
      title="Delivery"
      parent={PARENT}
      actions={data === null ? undefined : <RetryButton delivery={data} onRetried={reload} />}
    >
      <ErrorLine error={error} what="The delivery cannot be loaded" onRetry={reload} />
      {data === null ? error === null ? <Loading label="Loading the delivery" lines={8} /> : null : <Shown of={data} />}
    </Page>
  );
}

function Shown({ of }: { readonly of: DeliveryInFull }) {
  const { nameOf } = useSubscriptions();
  const { id, event_id, subscription_id, type, status, cause, attempt, due_at, attempts } = of;
  return (
    <>
      <Panel title="Facts">
        <Facts
          facts={[
            ["Status", <StatusBadge key="status" status={status} />],
            ["Cause", cause ?? <span class="dim">–</span>],
            [
              "Event",
              <a key="event" href={pathOf("event", event_id)}>
                {type}
              </a>,
            ],
            [
              "Subscription",
              <a key="subscription" href={pathOf("subscription", subscription_id)}>
                {nameOf(subscription_id)}
              </a>,
            ],
            ["Attempts", attempt],
            ["Next attempt", <Time key="due" at={due_at} />],
            [
              "Id",
              <span key="id" class="with-copy">
                <span class="mono">{id}</span>
                <CopyButton text={id} label="Copy the id" isIcon />
              </span>,
            ],
          ]}
        />
      </Panel>
      <Panel title="Attempts">
        {attempts.length === 0 ? (
          <Empty title="No attempt has finished" />
        ) : (
          <Timeline
            label="Attempts"
            moments={attempts.toReversed().map((one) => attemptMoment(one, String(one.attempt)))}
          />
        )}
      </Panel>
    </>
  );
}
