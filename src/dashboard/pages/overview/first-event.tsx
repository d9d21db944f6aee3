import { useState } from "preact/hooks";
import type { EventSummary, Subscription } from "../../../client/index.ts";
import { ErrorLine } from "../../components/error-line.tsx";
import { useLoad } from "../../data/use-load.ts";
import { useStream } from "../../data/use-stream.ts";
import { pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";
import { FirstDelivery } from "./first-delivery.tsx";
import { FirstPublish } from "./first-publish.tsx";
import { FirstSubscription } from "./first-subscription.tsx";
import { Step } from "./step.tsx";

/** Somebody may make the subscription elsewhere. */
const LOOKED_EVERY_MS = 3000;

/** A first event, in three steps that fill themselves as they happen, here or elsewhere. */
export function FirstEvent({ onDone }: { readonly onDone: () => void }) {
  const { client, bus } = useSession();
  const [made, setMade] = useState<Subscription | null>(null);
  const [event, setEvent] = useState<EventSummary | null>(null);
  const [isOver, setOver] = useState(false);
  const found = useLoad((signal) => client.subscriptions.list({ limit: 1 }, { signal }).page(), [], {
    everyMs: (page) => (made === null && (page?.data.length ?? 0) === 0 ? LOOKED_EVERY_MS : undefined),
  });
  const subscription = made ?? found.data?.data[0] ?? null;
  const followed = useStream(
    event === null ? (signal) => client.events.stream({ replay: 1 }, { signal }) : null,
    (came) => setEvent(came.event),
    [event === null],
  );
  return (
    <Page
      title="Overview"
      actions={
        <button type="button" class={isOver ? "button primary" : "button"} onClick={onDone}>
          {isOver ? "To the overview" : "Skip this"}
        </button>
      }
    >
      <p>
        Nothing was published to <code>{bus}</code> yet. Three steps, and your first event goes through.
      </p>
      <ErrorLine error={found.error} what="Subscriptions cannot be loaded" onRetry={found.reload} />
      <ErrorLine error={followed.error} what="Events cannot be followed" />
      <ol class="steps">
        <Step number={1} title="Make a subscription" state={stateOf(subscription !== null, found.data !== null)}>
          {subscription === null ? (
            <FirstSubscription onMade={setMade} />
          ) : (
            <p>
              <a href={pathOf("subscription", subscription.id)}>{subscription.name ?? subscription.id}</a> pushes to{" "}
              <code class="value">{subscription.sink}</code>
              {subscription.status === "active" ? "" : `, and is ${subscription.status}`}
            </p>
          )}
        </Step>
        <Step number={2} title="Publish an event" state={stateOf(event !== null, subscription !== null)}>
          {event === null ? (
            <FirstPublish type={subscription?.types?.[0] ?? null} />
          ) : (
            <p>
              <a href={pathOf("event", event.event_id)}>{event.type}</a> is on record
            </p>
          )}
        </Step>
        <Step number={3} title="See it delivered" state={stateOf(isOver, event !== null)}>
          {event === null ? null : <FirstDelivery eventId={event.event_id} onEnded={() => setOver(true)} />}
        </Step>
      </ol>
    </Page>
  );
}

const stateOf = (isDone: boolean, isReady: boolean) => (isDone ? "done" : isReady ? "now" : "next");
