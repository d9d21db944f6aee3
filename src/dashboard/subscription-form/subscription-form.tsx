import { useMemo, useRef, useState } from "preact/hooks";
import { ProblemError, type Subscription } from "../../client/index.ts";
import type { Fault } from "../../core/problem.ts";
import { ErrorLine } from "../components/error-line.tsx";
import { Panel } from "../components/panel.tsx";
import { useAction } from "../data/use-action.ts";
import { useSession } from "../session/session.tsx";
import { BacktestView } from "./backtest-view.tsx";
import { changesOf, draftOf, EMPTY_DRAFT, readDraft, type Draft, type Settings } from "./draft.ts";
import { HeadersPart } from "./headers-part.tsx";
import { PushPart } from "./push-part.tsx";
import { RecentEvents } from "./recent-events.tsx";
import { Review } from "./review.tsx";
import { TargetPart } from "./target-part.tsx";
import { WantedPart } from "./wanted-part.tsx";
import { readWanted, type Wanted } from "./wanted.ts";

interface SubscriptionFormProps {
  /** Null: one is made. */
  readonly saved: Subscription | null;
  /** Saves it. @throws as the client. */
  readonly onSave: (settings: Settings, draft: Draft) => Promise<void>;
  /** Loads what is saved by now, in place of what is typed. */
  readonly onReload?: () => void;
}

/** Makes or changes a subscription: it is checked as it is typed, tried on events, and one that is saved is compared before it is changed. */
export function SubscriptionForm({ saved, onSave, onReload = () => {} }: SubscriptionFormProps) {
  const { may } = useSession();
  const [draft, setDraft] = useState<Draft>(() => (saved === null ? EMPTY_DRAFT : draftOf(saved)));
  const [isSent, setSent] = useState(false);
  const [reviewed, setReviewed] = useState<Draft | null>(null);
  /** What was sent last: the router's faults are about it. */
  const [sent, setSentDraft] = useState<Draft | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const read = useMemo(() => readDraft(draft), [draft]);
  const wanted = useWanted(draft);
  const save = useAction(async () => {
    if (!read.ok) return;
    setSentDraft(draft);
    await onSave(read.value, draft);
  });

  const refused = save.error instanceof ProblemError && sent === draft ? save.error.errors : [];
  const faults = [...(read.ok ? [] : read.error), ...refused];
  const parts = {
    draft,
    onChange: (change: Partial<Draft>) => setDraft((before) => ({ ...before, ...change })),
    faultOf: (pointer: string) => (isUntouched(pointer, draft) && !isSent ? null : faultOf(faults, pointer)),
  };
  const changes = saved !== null && read.ok ? changesOf(saved, read.value) : [];
  const isUnchanged = saved !== null && read.ok && changes.length === 0 && draft.secret.trim() === "";
  const submit = (submitted: SubmitEvent) => {
    submitted.preventDefault();
    setSent(true);
    if (!read.ok) {
      // Not before the fields show that they are wrong.
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
      return;
    }
    if (saved === null) void save.run();
    else setReviewed(draft);
  };

  return (
    <form ref={form} class="stack" noValidate aria-label="Subscription" onSubmit={submit}>
      <TargetPart {...parts} isNew={saved === null} />
      <div class="beside">
        <WantedPart {...parts} />
        {may("read") ? (
          <Panel title="Try it">
            <div class="stack">
              <RecentEvents wanted={wanted} />
              <h3>Backtest</h3>
              {wanted === null ? (
                <p class="hint">What is typed is not valid: nothing is tried</p>
              ) : (
                <BacktestView wanted={wanted} subscriptionId={saved?.id ?? null} />
              )}
            </div>
          </Panel>
        ) : null}
      </div>
      <PushPart {...parts} isNew={saved === null} />
      <HeadersPart {...parts} />
      {saved !== null && read.ok && reviewed === draft ? (
        <Review
          saved={saved}
          settings={read.value}
          changes={changes}
          isSecretNew={draft.secret.trim() !== ""}
          save={save}
          onBack={() => setReviewed(null)}
          onReload={onReload}
        />
      ) : (
        <div class="form-end">
          {isSent && !read.ok ? (
            <p class="fault" role="alert">
              Nothing is saved: {countOf(read.error)}
            </p>
          ) : null}
          {saved === null ? <ErrorLine error={save.error} what="It is not made" /> : null}
          <button type="submit" class="button primary" disabled={save.isRunning || isUnchanged}>
            {saved === null ? (save.isRunning ? "Creating…" : "Create the subscription") : "Review the changes"}
          </button>
        </div>
      )}
    </form>
  );
}

/** The same object as long as it says the same: what is tried with it is not tried anew at each key. */
function useWanted(draft: Draft): Wanted | null {
  const { types, source, filters } = draft;
  const result = useMemo(() => readWanted({ types, source, filters }), [types, source, filters]);
  const identity = JSON.stringify(result.ok ? result.value : null);
  return useMemo(() => (result.ok ? result.value : null), [identity]);
}

/** Nobody is told of a field that they have not come to yet. */
const isUntouched = (pointer: string, draft: Draft): boolean => pointer === "/sink" && draft.sink === "";

/** Of the member there, or of what is in it. */
function faultOf(faults: readonly Fault[], pointer: string): string | null {
  const found = faults.find(
    (fault) => fault.pointer === pointer || (pointer !== "" && fault.pointer.startsWith(`${pointer}/`)),
  );
  return found?.detail ?? null;
}

const countOf = (faults: readonly Fault[]): string =>
  faults.length === 1 ? (faults[0]?.detail ?? "") : `${faults.length} things are not right`;
