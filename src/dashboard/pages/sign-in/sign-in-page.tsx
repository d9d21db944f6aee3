import { useEffect, useRef, useState } from "preact/hooks";
import { ErrorLine } from "../../components/error-line.tsx";
import { TextField } from "../../components/text-field.tsx";
import { useAction } from "../../data/use-action.ts";
import { useSessionHandle } from "../../session/session.tsx";
import { Mark } from "../../shell/mark.tsx";

/** Takes a key, and keeps it nowhere: the browser gets a cookie for it that no script sees. */
export function SignInPage() {
  const { state, signIn } = useSessionHandle();
  const [key, setKey] = useState("");
  const [bus, setBus] = useState("");
  const [isMissing, setMissing] = useState(false);
  const action = useAction(() => signIn(key.trim(), bus.trim() === "" ? null : bus.trim()));
  const reason = state.kind === "out" && action.error === null ? state.reason : null;
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Sign in · Fantail";
    field.current?.focus();
  }, []);
  const send = (submitted: SubmitEvent) => {
    submitted.preventDefault();
    setMissing(key.trim() === "");
    if (key.trim() !== "") void action.run();
  };
  return (
    <main class="alone">
      <form class="panel sign-in" noValidate onSubmit={send}>
        <h1 class="sign-in-head">
          <Mark />
          Sign in to Fantail
        </h1>
        {reason === null ? null : (
          <p class="notice" role="status">
            {reason}
          </p>
        )}
        <ErrorLine error={action.error} />
        <TextField
          label="Key"
          value={key}
          onValue={setKey}
          fault={isMissing && key.trim() === "" ? "Enter a key: ftk_…, or the root key" : null}
          hint="A key of a bus, or the root key. Its scopes decide what you see."
          input={{ type: "password", name: "key", autocomplete: "off", required: true, ref: field }}
        />
        <TextField
          label="Bus (optional)"
          value={bus}
          onValue={setBus}
          hint="For the root key; a key of a bus has its own."
          input={{ type: "text", name: "bus", autocomplete: "off", placeholder: "default" }}
        />
        <button type="submit" class="button primary" disabled={action.isRunning}>
          {action.isRunning ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </main>
  );
}
