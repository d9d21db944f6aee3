import { useEffect, useId, useRef } from "preact/hooks";
import { ProblemError, type Subscription } from "../../client/index.ts";
import { ErrorLine } from "../components/error-line.tsx";
import { MemberChanges } from "../components/member-changes.tsx";
import type { Action } from "../data/use-action.ts";
import { useSession } from "../session/session.tsx";
import { BacktestView } from "./backtest-view.tsx";
import { changesWanted, type Change, type Settings } from "./draft.ts";

interface ReviewProps {
  readonly saved: Subscription;
  readonly settings: Settings;
  readonly changes: readonly Change[];
  readonly isSecretNew: boolean;
  readonly save: Action<[]>;
  readonly onBack: () => void;
  /** Loads what somebody else saved meanwhile. */
  readonly onReload: () => void;
}

/** What saving would change: the members, and of the events on record those that would be taken anew, or no more. */
export function Review({ saved, settings, changes, isSecretNew, save, onBack, onReload }: ReviewProps) {
  const { may } = useSession();
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const isStale = save.error instanceof ProblemError && save.error.slug === "version-mismatch";
  return (
    <section class="panel review" aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id} ref={heading} tabIndex={-1}>
          What saving changes
        </h2>
      </div>
      <div class="panel-body stack">
        {changes.length === 0 ? null : <MemberChanges changes={changes} />}
        {isSecretNew ? <p>The signing secret is replaced.</p> : null}
        {changesWanted(changes) && may("read") ? (
          <section class="stack" aria-label="The difference on the events on record">
            <h3>On the events on record</h3>
            <BacktestView wanted={settings} subscriptionId={saved.id} isRunAtOnce />
          </section>
        ) : null}
        {isStale ? (
          <div class="error-line" role="alert">
            <span>Somebody changed this subscription meanwhile, so nothing was saved.</span>
            <button type="button" class="button small" onClick={onReload}>
              Load the newer one
            </button>
          </div>
        ) : (
          <ErrorLine error={save.error} what="It is not saved" />
        )}
        <div class="dialog-buttons">
          <button type="button" class="button" onClick={onBack}>
            Go on editing
          </button>
          <button
            type="button"
            class="button primary"
            disabled={save.isRunning || isStale}
            onClick={() => void save.run()}
          >
            {save.isRunning ? "Saving…" : "Save"}
          </button>
        </div>
      </div>
    </section>
  );
}
