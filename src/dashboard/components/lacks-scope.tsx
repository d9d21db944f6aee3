import type { Scope } from "../session/session.tsx";
import { Empty } from "./empty.tsx";

interface LacksScopeProps {
  readonly scope: Scope;
  /** What the scope is needed for: `see events`. */
  readonly to: string;
}

/** In the place of what the key may not see: says so. */
export function LacksScope({ scope, to }: LacksScopeProps) {
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
