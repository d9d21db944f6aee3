import { ChoiceField } from "../components/choice-field.tsx";
import { Panel } from "../components/panel.tsx";
import { TextField } from "../components/text-field.tsx";
import type { PartProps } from "./field-props.ts";

const FORMATS = [
  { value: "structured", label: "structured: the event as JSON" },
  { value: "binary", label: "binary: the data, attributes as headers" },
  { value: "standard", label: "standard: {type, timestamp, data}" },
  { value: "reference", label: "reference: only what identifies it" },
] as const;

const STATUSES = [
  { value: "active", label: "active: deliveries go out at once" },
  { value: "paused", label: "paused: they are held until it is resumed" },
] as const;

/** Whose it is, and where its deliveries go. */
export function TargetPart({ draft, onChange, faultOf, isNew }: PartProps & { readonly isNew: boolean }) {
  return (
    <Panel title="Where it goes">
      <div class="fields">
        <TextField
          label="Name"
          value={draft.name}
          onValue={(name) => onChange({ name })}
          fault={faultOf("/name")}
          input={{ name: "name", autocomplete: "off", placeholder: "billing" }}
        />
        <TextField
          label="Sink"
          value={draft.sink}
          onValue={(sink) => onChange({ sink })}
          fault={faultOf("/sink")}
          hint="The webhook that events are pushed to"
          input={{
            name: "sink",
            type: "url",
            required: true,
            autocomplete: "off",
            placeholder: "https://billing.example.com/hooks",
          }}
        />
        <ChoiceField label="Format" value={draft.format} choices={FORMATS} onValue={(format) => onChange({ format })} />
        {isNew ? (
          <ChoiceField
            label="Status"
            value={draft.status}
            choices={STATUSES}
            onValue={(status) => onChange({ status })}
          />
        ) : null}
      </div>
    </Panel>
  );
}
