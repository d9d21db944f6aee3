import type { AcceptedEvent, SubscriptionExplained } from "../../../client/index.ts";
import { Clauses } from "../../components/clauses.tsx";
import { useSubscriptions } from "../../data/use-subscriptions.ts";
import { pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";

/** What the router answered: that the event is accepted, who takes it, and who nearly does. */
export function Published({ event }: { readonly event: AcceptedEvent }) {
  const { may } = useSession();
  const { event_id, matched, explain = [], unexplained = 0 } = event;
  return (
    <div class="published stack" role="status">
      <p>
        <span class="badge good">accepted</span>{" "}
        {may("read") ? (
          <a class="mono" href={pathOf("event", event_id)}>
            {event_id}
          </a>
        ) : (
          <span class="mono">{event_id}</span>
        )}{" "}
        {matched === 0
          ? "No subscription takes it"
          : `${matched} ${matched === 1 ? "subscription takes" : "subscriptions take"} it`}
      </p>
      {explain === null ? <p class="hint">Which ones could not be looked up.</p> : <Explained all={explain} />}
      {unexplained === 0 ? null : <p class="hint">{unexplained} more subscriptions of the bus are not shown.</p>}
    </div>
  );
}

function Explained({ all }: { readonly all: readonly SubscriptionExplained[] }) {
  const { may } = useSession();
  return all.length === 0 || !may("read") ? null : <Named all={all} />;
}

function Named({ all }: { readonly all: readonly SubscriptionExplained[] }) {
  const { nameOf } = useSubscriptions();
  return (
    <ul class="explained">
      {all.map(({ subscription_id, matched, explain }) => (
        <li key={subscription_id}>
          <details>
            <summary>
              <span class={`badge ${matched ? "good" : "quiet"}`}>{matched ? "taken" : "not taken"}</span>{" "}
              {nameOf(subscription_id)}
            </summary>
            <Clauses of={nameOf(subscription_id)} matched={matched} clauses={explain} />
          </details>
        </li>
      ))}
    </ul>
  );
}
