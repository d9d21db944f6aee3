import { useRoute } from "preact-iso";
import type { Subscription } from "../../../client/index.ts";
import { ErrorLine } from "../../components/error-line.tsx";
import { Loading } from "../../components/loading.tsx";
import { StatusBadge } from "../../components/status-badge.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { useToast } from "../../components/toast.tsx";
import { useLoad } from "../../data/use-load.ts";
import { useQuery } from "../../data/use-query.ts";
import { PATHS } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";
import { patchOf } from "../../subscription-form/draft.ts";
import { SubscriptionForm } from "../../subscription-form/subscription-form.tsx";
import { DeliveriesTab } from "./deliveries-tab.tsx";
import { OverviewTab } from "./overview-tab.tsx";
import { SubscriptionActions } from "./subscription-actions.tsx";

const PARENT = { href: PATHS.subscriptions, label: "Subscriptions" };

/** Why the router disabled it, in a sentence. */
const REASONS: Readonly<Record<string, string>> = {
  gone: "The sink answered 410 Gone.",
  receiver: "The sink asked for it, with webhook-delivery: disable.",
  failing: "The sink did nothing but fail for five days.",
};

/** One subscription: how it is doing, what becomes of its deliveries, and its settings. */
export function SubscriptionPage() {
  const { client, bus } = useSession();
  const id = useRoute().params["id"] ?? "";
  const subscription = useLoad((signal) => client.subscriptions.get(id, { signal }), [bus, id]);
  const { data, error, reload } = subscription;
  return (
    <Page
      title={data?.name ?? id}
      parent={PARENT}
      {...(data === null ? {} : { actions: <SubscriptionActions subscription={data} onChanged={reload} /> })}
    >
      <ErrorLine error={error} what="The subscription cannot be loaded" onRetry={reload} />
      {data === null ? (
        error === null ? (
          <Loading label="Loading the subscription" lines={8} />
        ) : null
      ) : (
        <Loaded subscription={data} onChanged={reload} />
      )}
    </Page>
  );
}

interface LoadedProps {
  readonly subscription: Subscription;
  readonly onChanged: () => void;
}

function Loaded({ subscription, onChanged }: LoadedProps) {
  const { may } = useSession();
  const [query, setQuery] = useQuery();
  const tabs = [
    { name: "overview", label: "Overview" },
    ...(may("read") ? [{ name: "deliveries", label: "Deliveries" }] : []),
    ...(may("manage") ? [{ name: "edit", label: "Edit" }] : []),
  ];
  const current = tabs.find(({ name }) => name === query["tab"])?.name ?? "overview";
  const { status, disabled_reason, unreadable } = subscription;
  return (
    <>
      {status === "active" ? null : (
        <p class="notice">
          <span>
            <StatusBadge status={status} />{" "}
            {status === "paused"
              ? "What it takes is held until it is resumed."
              : (REASONS[disabled_reason ?? ""] ?? disabled_reason)}
          </span>
        </p>
      )}
      {unreadable === undefined ? null : (
        <p class="notice">The key that opens its {unreadable.join(" and ")} is gone from the router: set them again.</p>
      )}
      <Tabs
        label="Parts of the subscription"
        tabs={tabs}
        current={current}
        onSelect={(name) => setQuery({ tab: name === "overview" ? "" : name })}
      >
        {current === "edit" ? (
          <Edit key={subscription.version} subscription={subscription} onChanged={onChanged} />
        ) : current === "deliveries" ? (
          <DeliveriesTab subscriptionId={subscription.id} />
        ) : (
          <OverviewTab subscription={subscription} />
        )}
      </Tabs>
    </>
  );
}

/** Made anew for each version: what is typed belongs to the one that was loaded. */
function Edit({ subscription, onChanged }: LoadedProps) {
  const { client } = useSession();
  const say = useToast();
  return (
    <SubscriptionForm
      saved={subscription}
      onSave={async (settings, { secret }) => {
        const { id, version } = subscription;
        await client.subscriptions.update(id, patchOf(subscription, settings, secret), { ifMatch: version });
        say("Saved");
        onChanged();
      }}
      onReload={onChanged}
    />
  );
}
