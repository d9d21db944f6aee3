import { useState } from "preact/hooks";
import type { AcceptedEvent } from "../../../client/index.ts";
import { ChoiceField } from "../../components/choice-field.tsx";
import { ErrorLine } from "../../components/error-line.tsx";
import { Loading } from "../../components/loading.tsx";
import { Panel } from "../../components/panel.tsx";
import { useAction } from "../../data/use-action.ts";
import { useLoad } from "../../data/use-load.ts";
import { JsonEditor } from "../../editor/json-editor.tsx";
import { useSession } from "../../session/session.tsx";
import { mistakesOf, readEvent } from "./event-text.ts";
import { Published } from "./published.tsx";
import { likeOf, TEMPLATES, textOf, type TemplateName } from "./templates.ts";

interface PublishProps {
  /** The id of an event: the form begins with one like it. Null: with a template. */
  readonly like: string | null;
  /** Null: it cannot be closed. */
  readonly onClose: (() => void) | null;
}

/** Publishes an event that is typed; for keys that may. */
export function Publish({ like, onClose }: PublishProps) {
  const title = "Publish an event";
  const close =
    onClose === null ? undefined : (
      <button type="button" class="button small" onClick={onClose}>
        Close
      </button>
    );
  return (
    <Panel title={title} actions={close}>
      {like === null ? <Form templates={TEMPLATES} /> : <Like key={like} eventId={like} />}
    </Panel>
  );
}

function Like({ eventId }: { readonly eventId: string }) {
  const { client } = useSession();
  const { data, error, reload } = useLoad((signal) => client.events.get(eventId, { signal }), [eventId]);
  if (data === null)
    return error === null ? (
      <Loading label="Loading the event" />
    ) : (
      <ErrorLine error={error} what="The event that it is to be like cannot be loaded" onRetry={reload} />
    );
  const template = likeOf(data);
  return <Form templates={template === null ? TEMPLATES : [template, ...TEMPLATES]} />;
}

function Form({ templates }: { readonly templates: typeof TEMPLATES }) {
  const { client, bus, may } = useSession();
  const [template, setTemplate] = useState<TemplateName>(templates[0]?.value ?? "short");
  const [text, setText] = useState(() => textOf(templates[0]?.event));
  const [fault, setFault] = useState<string | null>(null);
  const [published, setPublished] = useState<AcceptedEvent | null>(null);
  const given = () => ({ bus, freshId: freshId(), now: Date.now() });
  const publish = useAction(async () => {
    setPublished(null);
    const read = readEvent(text, given());
    setFault(read.ok ? null : read.error);
    if (read.ok) setPublished(await client.publish(read.value, { explain: may("read") }));
  });
  const choose = (name: TemplateName) => {
    setTemplate(name);
    setText(textOf(templates.find(({ value }) => value === name)?.event));
    setFault(null);
  };
  return (
    <form
      class="stack"
      aria-label="Publish an event"
      onSubmit={(submitted) => {
        submitted.preventDefault();
        void publish.run();
      }}
    >
      <ChoiceField label="Begin with" value={template} choices={templates} onValue={choose} />
      <JsonEditor
        label="Event"
        value={text}
        onValue={(typed) => {
          setText(typed);
          setFault(null);
        }}
        check={(typed) => mistakesOf(typed, given())}
        fault={fault}
      />
      <ErrorLine error={publish.error} />
      <div class="row">
        <button type="submit" class="button primary" disabled={publish.isRunning}>
          {publish.isRunning ? "Publishing…" : "Publish"}
        </button>
        <p class="hint">
          An event without an id gets one; without a source it is <code>/buses/{bus}</code>.
        </p>
      </div>
      {published === null ? null : <Published event={published} />}
    </form>
  );
}

/** 128 bits in hexadecimal. By hand, because browsers have `randomUUID` on secure pages only. */
const freshId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
