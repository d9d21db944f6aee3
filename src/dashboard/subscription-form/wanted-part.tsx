import { Panel } from "../components/panel.tsx";
import { TextAreaField } from "../components/text-area-field.tsx";
import { TextField } from "../components/text-field.tsx";
import { JsonEditor } from "../editor/json-editor.tsx";
import type { PartProps } from "./field-props.ts";
import { mistakesOf } from "./wanted.ts";

/** Which events it takes: all three must hold, and what is empty asks for nothing. */
export function WantedPart({ draft, onChange, faultOf }: PartProps) {
  return (
    <Panel title="What it takes">
      <div class="stack">
        <div class="fields">
          <TextAreaField
            label="Types"
            value={draft.types}
            onValue={(types) => onChange({ types })}
            fault={faultOf("/types")}
            hint="One a line, compared exactly; none: all"
            area={{ name: "types", rows: 3, placeholder: "order.created" }}
          />
          <TextField
            label="Source"
            value={draft.source}
            onValue={(source) => onChange({ source })}
            fault={faultOf("/source")}
            hint="Compared exactly; none: all"
            input={{ name: "source", autocomplete: "off", placeholder: "/shop" }}
          />
        </div>
        <JsonEditor
          label="Filters"
          value={draft.filters}
          onValue={(filters) => onChange({ filters })}
          check={mistakesOf}
          fault={faultOf("/filters") ?? faultOf("")}
        />
        <p class="hint">
          A list of conditions that must all hold, such as <code>{'[{"prefix": {"subject": "eu/"}}]'}</code> or{" "}
          <code>{'[{"pattern": {"data": {"total": [{"numeric": [">", 100]}]}}}]'}</code>
        </p>
      </div>
    </Panel>
  );
}
