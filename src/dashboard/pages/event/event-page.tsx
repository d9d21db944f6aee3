import { useRoute } from "preact-iso";
import { Empty } from "../../components/empty.tsx";
import { ErrorLine } from "../../components/error-line.tsx";
import { JsonView } from "../../components/json-view.tsx";
import { Loading } from "../../components/loading.tsx";
import { LacksScope } from "../../components/lacks-scope.tsx";
import { Panel } from "../../components/panel.tsx";
import { Timeline } from "../../components/timeline.tsx";
import { openEveryMs } from "../../data/open-deliveries.ts";
import { useLoad } from "../../data/use-load.ts";
import { useSubscriptions } from "../../data/use-subscriptions.ts";
import { PATHS } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";
import { EventActions } from "./event-actions.tsx";
import { EventFacts } from "./event-facts.tsx";
import { isRounded } from "./exact.ts";
import { Explain } from "./explain.tsx";
import { momentsOf } from "./moments.tsx";
import { recorded, type Recorded } from "./recorded.ts";
import { Routing } from "./routing.tsx";

const PARENT = { href: PATHS.events, label: "Events" };
/** An event is on record within a second of its 202, usually: until then there is none. */
const UNRECORDED_EVERY_MS = 1500;

/** One event: what it says, how it was routed and why, and what became of its deliveries. */
export function EventPage() {
  const { id = "" } = useRoute().params;
  const { may } = useSession();
  if (may("read")) return <EventOf key={id} id={id} />;
  return (
    <Page title="Event" parent={PARENT}>
      <LacksScope scope="read" to="see events" />
    </Page>
  );
}

function EventOf({ id }: { readonly id: string }) {
  const { client } = useSession();
  const { data, error, reload } = useLoad((signal) => recorded(client, id, signal), [id], {
    everyMs: (known) => (known === null ? UNRECORDED_EVERY_MS : openEveryMs(known.deliveries)),
  });
  return (
    <Page
      title={data?.event.type ?? "Event"}
      parent={PARENT}
      actions={data === null ? undefined : <EventActions event={data.event} onErased={reload} />}
    >
      <ErrorLine error={error} what="The event cannot be loaded" onRetry={reload} />
      {data === null ? (
        error === null ? (
          <Loading label="Loading the event" lines={8} />
        ) : null
      ) : (
        <Shown of={data} onRetried={reload} />
      )}
    </Page>
  );
}

function Shown({ of, onRetried }: { readonly of: Recorded; readonly onRetried: () => void }) {
  const { event } = of;
  const subscriptions = useSubscriptions();
  return (
    <>
      <EventFacts event={event} />
      <Routing of={of} nameOf={subscriptions.nameOf} onRetried={onRetried} />
      <div class="panels">
        <Panel title="The event">
          {event.event === null ? (
            <Empty title={event.erased_at === null ? "Its body is no longer kept" : "It is erased"} />
          ) : (
            <div class="stack">
              {isRounded(event.event) ? (
                <p class="notice">
                  A number in it is too large for a browser: it is rounded here. The API has it exactly.
                </p>
              ) : null}
              <JsonView label="JSON of the event" value={event.event} />
            </div>
          )}
        </Panel>
        <Panel title="What happened">
          <Timeline label="What happened" moments={momentsOf(of, subscriptions.nameOf)} />
        </Panel>
      </div>
      {event.event === null ? null : <Explain eventId={event.event_id} subscriptions={subscriptions} />}
    </>
  );
}
