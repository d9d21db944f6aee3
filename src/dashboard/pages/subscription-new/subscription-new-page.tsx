import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import type { SubscriptionCreated } from "../../../client/index.ts";
import { LacksScope } from "../../components/lacks-scope.tsx";
import { ShownOnce } from "../../components/shown-once.tsx";
import { PATHS, pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";
import { creationOf } from "../../subscription-form/draft.ts";
import { SubscriptionForm } from "../../subscription-form/subscription-form.tsx";

const PARENT = { href: PATHS.subscriptions, label: "Subscriptions" };

/** Makes a subscription, and shows its secret once. */
export function SubscriptionNewPage() {
  const { client, may } = useSession();
  const { route } = useLocation();
  const [made, setMade] = useState<SubscriptionCreated | null>(null);
  return (
    <Page title="New subscription" parent={PARENT}>
      {!may("manage") ? (
        <LacksScope scope="manage" to="make subscriptions" />
      ) : made?.secret === undefined ? (
        <SubscriptionForm
          saved={null}
          onSave={async (settings, draft) => {
            const created = await client.subscriptions.create(creationOf(settings, draft));
            if (created.secret === undefined) route(pathOf("subscription", created.id));
            else setMade(created);
          }}
        />
      ) : (
        <ShownOnce title={`${made.name ?? made.id} is made`} what="signing secret" text={made.secret}>
          <p>
            It signs every request to <code>{new URL(made.sink).host}</code>. Verify the signature before anything else,
            with <code>verifyWebhook</code> of <code>@fantail/client</code> or any library of Standard Webhooks.
          </p>
          <p>
            <a class="button primary" href={pathOf("subscription", made.id)}>
              To the subscription
            </a>
          </p>
        </ShownOnce>
      )}
    </Page>
  );
}
