import { ChoiceField } from "../../components/choice-field.tsx";
import { Clauses } from "../../components/clauses.tsx";
import { Empty } from "../../components/empty.tsx";
import { ErrorLine } from "../../components/error-line.tsx";
import { Loading } from "../../components/loading.tsx";
import { Panel } from "../../components/panel.tsx";
import { useLoad } from "../../data/use-load.ts";
import { useQuery } from "../../data/use-query.ts";
import type { KnownSubscriptions } from "../../data/use-subscriptions.ts";
import { useSession } from "../../session/session.tsx";

interface ExplainProps {
  readonly eventId: string;
  readonly subscriptions: KnownSubscriptions;
}

/** Why a subscription takes the event, or does not, by the filters that it has now. Which one is in the URL. */
export function Explain({ eventId, subscriptions: { all, nameOf } }: ExplainProps) {
  const [{ explain }, setQuery] = useQuery();
  const chosen = explain ?? all?.[0]?.id;
  return (
    <Panel title="Why, and why not">
      {all === null ? <Loading label="Loading subscriptions" /> : null}
      {chosen === undefined || all === null ? (
        all?.length === 0 ? (
          <Empty title="This bus has no subscription" />
        ) : null
      ) : (
        <div class="stack">
          <ChoiceField
            label="Subscription"
            value={chosen}
            choices={[...new Set([...all.map(({ id }) => id), chosen])].map((id) => ({ value: id, label: nameOf(id) }))}
            onValue={(id) => setQuery({ explain: id })}
            hint="Its filters as they are now are held against the event."
          />
          <Verdict eventId={eventId} subscriptionId={chosen} name={nameOf(chosen)} />
        </div>
      )}
    </Panel>
  );
}

interface VerdictProps {
  readonly eventId: string;
  readonly subscriptionId: string;
  readonly name: string;
}

function Verdict({ eventId, subscriptionId, name }: VerdictProps) {
  const { client } = useSession();
  const { data, error, reload } = useLoad(
    (signal) => client.events.explain(eventId, subscriptionId, { signal }),
    [eventId, subscriptionId],
  );
  return (
    <div class="stack" aria-live="polite">
      <ErrorLine error={error} what="It cannot be explained" onRetry={reload} />
      {data === null ? (
        error === null ? (
          <Loading label="Loading the explanation" />
        ) : null
      ) : (
        <>
          <Clauses of={name} matched={data.matched} clauses={data.explain} />
          {data.matched === (data.delivery_id !== null) ? null : (
            <p class="hint">
              {data.matched
                ? "It took nothing when the event was published: it was another then, or did not exist."
                : "It took the event when it was published: its filters were others then."}
            </p>
          )}
        </>
      )}
    </div>
  );
}
