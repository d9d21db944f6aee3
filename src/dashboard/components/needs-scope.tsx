import type { ComponentChildren } from "preact";
import { useSession, type Scope } from "../session/session.tsx";
import { Empty } from "./empty.tsx";

interface NeedsScopeProps {
  readonly scope: Scope;
  /** What the scope is needed for: `see events`. */
  readonly to: string;
  readonly children: ComponentChildren;
}

/** Shows what is below to keys with the scope, and says to others why they do not see it. */
export function NeedsScope({ scope, to, children }: NeedsScopeProps) {
  const { may } = useSession();
  if (may(scope)) return <>{children}</>;
  return (
    <div class="panel">
      <Empty title={`This key may not ${to}`}>
        <p>
          It has not the scope <code>{scope}</code>.
        </p>
      </Empty>
    </div>
  );
}
