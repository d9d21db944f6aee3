import { useState } from "preact/hooks";
import type { Subscription } from "../../../client/index.ts";
import { ErrorLine } from "../../components/error-line.tsx";
import { TextField } from "../../components/text-field.tsx";
import { faultAt } from "../../data/problem-line.ts";
import { useAction } from "../../data/use-action.ts";
import { PATHS } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";

/** Stands in for a sink that is not there yet. It is asked nothing: a subscription that is paused holds what it takes. */
const NOWHERE = "https://example.com/webhook";

/** Makes a subscription that takes everything: to a sink, or one that holds what it takes. */
export function FirstSubscription({ onMade }: { readonly onMade: (made: Subscription) => void }) {
  const { client, may } = useSession();
  const [sink, setSink] = useState("");
  const [isMissing, setMissing] = useState(false);
  const make = useAction(async () => onMade(await client.subscriptions.create({ name: "first", sink: sink.trim() })));
  const hold = useAction(async () =>
    onMade(await client.subscriptions.create({ name: "first", sink: NOWHERE, status: "paused" })),
  );
  if (!may("manage"))
    return <p>This key may not make one. Whoever has a key with the scope manage can: this page goes on by itself.</p>;
  const fault = isMissing && sink.trim() === "" ? "Enter the URL of a webhook" : faultAt(make.error, "/sink");
  const isBusy = make.isRunning || hold.isRunning;
  return (
    <form
      class="stack"
      noValidate
      onSubmit={(submitted) => {
        submitted.preventDefault();
        setMissing(sink.trim() === "");
        if (sink.trim() !== "") void make.run();
      }}
    >
      <TextField
        label="Sink"
        value={sink}
        onValue={setSink}
        fault={fault}
        hint="The webhook that events are pushed to: a URL of yours that answers a POST with 2xx. It takes all types."
        input={{ type: "url", name: "sink", autocomplete: "off", placeholder: "https://billing.example.com/hooks" }}
      />
      <ErrorLine error={fault === null ? make.error : null} />
      <ErrorLine error={hold.error} />
      <div class="row">
        <button type="submit" class="button primary" disabled={isBusy}>
          Make the subscription
        </button>
        <button type="button" class="button" disabled={isBusy} onClick={() => void hold.run()}>
          I have no sink yet
        </button>
        <a href={PATHS.newSubscription}>With filters and more…</a>
      </div>
      <p class="hint">Without a sink the subscription is paused: it holds what it takes until it has one.</p>
    </form>
  );
}
