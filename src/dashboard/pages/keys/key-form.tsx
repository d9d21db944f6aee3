import { useState } from "preact/hooks";
import { ProblemError, type Key, type KeyCreate } from "../../../client/index.ts";
import { KEY_ORIGINS_MAX, KEY_TYPES_MAX, RATE_REQUESTS } from "../../../core/limits.ts";
import { CheckList } from "../../components/check-list.tsx";
import { ChoiceField } from "../../components/choice-field.tsx";
import { ErrorLine } from "../../components/error-line.tsx";
import { Panel } from "../../components/panel.tsx";
import { TextAreaField } from "../../components/text-area-field.tsx";
import { TextField } from "../../components/text-field.tsx";
import { useAction } from "../../data/use-action.ts";
import { useSession } from "../../session/session.tsx";
import { EMPTY_KEY, keyDraftOf, keyOf, type KeyDraft, type KeyScope } from "./key-draft.ts";

const SCOPES: readonly { readonly value: KeyScope; readonly label: string }[] = [
  { value: "publish", label: "publish: publishes events" },
  { value: "read", label: "read: sees events, deliveries and figures" },
  { value: "manage", label: "manage: changes subscriptions and keys" },
];

const RATES = (["low", "standard", "high"] as const).map((value) => ({
  value,
  label: `${value}: ${RATE_REQUESTS[value].toLocaleString("en")} publishes in 10 s`,
}));

interface KeyFormProps {
  /** Null: one is made. */
  readonly saved: Key | null;
  /** @throws as the client. */
  readonly onSave: (key: KeyCreate) => Promise<void>;
  readonly onCancel: () => void;
}

/** Makes or changes a key. It cannot grant what the own key has not. */
export function KeyForm({ saved, onSave, onCancel }: KeyFormProps) {
  const { may } = useSession();
  const [draft, setDraft] = useState<KeyDraft>(() => (saved === null ? EMPTY_KEY : keyDraftOf(saved)));
  const save = useAction(() => onSave(keyOf(draft, saved)));
  const set = (change: Partial<KeyDraft>) => setDraft((before) => ({ ...before, ...change }));
  const faultOf = (member: string) => faultIn(save.error, `/${member}`);
  const isForPublishing = draft.scopes.every((scope) => scope === "publish");
  return (
    <Panel title={saved === null ? "New key" : `Edit ${saved.name ?? saved.id}`}>
      <form
        class="stack"
        noValidate
        aria-label={saved === null ? "New key" : "Edit the key"}
        onSubmit={(submitted) => {
          submitted.preventDefault();
          void save.run();
        }}
      >
        <div class="fields">
          <TextField
            label="Name"
            value={draft.name}
            onValue={(name) => set({ name })}
            fault={faultOf("name")}
            input={{ name: "name", autocomplete: "off", placeholder: "shop" }}
          />
          <TextField
            label="Expires (optional)"
            value={draft.expires}
            onValue={(expires) => set({ expires })}
            fault={faultOf("expires_at")}
            hint="Empty: never"
            input={{ name: "expires", type: "datetime-local", step: "1" }}
          />
          <ChoiceField label="Rate" value={draft.rate} choices={RATES} onValue={(rate) => set({ rate })} />
        </div>
        <CheckList
          label="Scopes"
          choices={SCOPES.map((choice) => ({ ...choice, isDisabled: !may(choice.value) }))}
          values={draft.scopes}
          onValues={(scopes) => set({ scopes })}
          fault={faultOf("scopes")}
        />
        {isForPublishing || draft.types !== "" || draft.origins !== "" ? (
          <div class="fields">
            <TextAreaField
              label="Types"
              value={draft.types}
              onValue={(types) => set({ types })}
              fault={faultOf("types")}
              hint={`That it may publish: one a line, at most ${KEY_TYPES_MAX}, with * at the end or not; none: all`}
              area={{ name: "types", placeholder: "order.*" }}
            />
            <TextAreaField
              label="Origins"
              value={draft.origins}
              onValue={(origins) => set({ origins })}
              fault={faultOf("allowed_origins")}
              hint={`Whose pages may use it: one a line, at most ${KEY_ORIGINS_MAX}; none: it is not for browsers`}
              area={{ name: "origins", placeholder: "https://shop.example.com" }}
            />
          </div>
        ) : (
          <p class="hint">Types and origins limit keys that only publish.</p>
        )}
        <ErrorLine error={save.error} what={saved === null ? "It is not made" : "It is not saved"} />
        <div class="form-end">
          <button type="button" class="button" onClick={onCancel}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={save.isRunning}>
            {saved === null ? "Create the key" : "Save"}
          </button>
        </div>
      </form>
    </Panel>
  );
}

/** Of the member there, or of what is in it. */
function faultIn(error: unknown, pointer: string): string | null {
  if (!(error instanceof ProblemError)) return null;
  const found = error.errors.find((fault) => fault.pointer === pointer || fault.pointer.startsWith(`${pointer}/`));
  return found?.detail ?? null;
}
