import { Empty } from "../../components/empty.tsx";
import { PATHS } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";

/** For keys that may not read: what they may do. */
export function Unread() {
  const { session, may } = useSession();
  return (
    <Page title="Overview">
      <div class="panel">
        <Empty title="This key may not see events and deliveries">
          <p>
            It has not the scope <code>read</code>. Its scopes: <code>{session.scopes.join(", ")}</code>.
          </p>
          {may("publish") ? (
            <a class="button primary" href={PATHS.events}>
              Publish an event
            </a>
          ) : null}
        </Empty>
      </div>
    </Page>
  );
}
