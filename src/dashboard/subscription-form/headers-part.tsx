import { SINK_HEADERS_MAX } from "../../core/limits.ts";
import { pointerToken } from "../../core/problem.ts";
import { Panel } from "../components/panel.tsx";
import { TextField } from "../components/text-field.tsx";
import type { HeaderDraft } from "./draft.ts";
import type { PartProps } from "./field-props.ts";

/** Headers of its requests. A value that is saved is shown to nobody: it stays, or is replaced. */
export function HeadersPart({ draft, onChange, faultOf }: PartProps) {
  const { headers } = draft;
  const change = (key: number, next: Partial<HeaderDraft>) =>
    onChange({ headers: headers.map((row) => (row.key === key ? { ...row, ...next } : row)) });
  const add = () => {
    const key = Math.max(-1, ...headers.map((row) => row.key)) + 1;
    onChange({ headers: [...headers, { key, name: "", value: "", isKept: false }] });
  };
  const whole = headers.length === 0 ? faultOf("/headers") : null;
  return (
    <Panel title="Headers">
      <div class="stack">
        {headers.map((row, index) => (
          <div key={row.key} class="header-row" role="group" aria-label={`Header ${index + 1}`}>
            <TextField
              label="Name"
              value={row.name}
              onValue={(name) => change(row.key, { name })}
              fault={faultOf(`/headers/${pointerToken(row.name.trim())}`)}
              input={{ autocomplete: "off", readOnly: row.isKept, placeholder: "x-team" }}
            />
            <TextField
              label="Value"
              value={row.value}
              onValue={(value) => change(row.key, { value })}
              input={{ autocomplete: "off", placeholder: row.isKept ? "… kept unless replaced" : "" }}
            />
            <button
              type="button"
              class="button"
              aria-label={`Remove header ${row.name === "" ? index + 1 : row.name}`}
              onClick={() => onChange({ headers: headers.filter(({ key }) => key !== row.key) })}
            >
              Remove
            </button>
          </div>
        ))}
        {whole === null ? null : <p class="fault">{whole}</p>}
        <div>
          <button type="button" class="button" disabled={headers.length >= SINK_HEADERS_MAX} onClick={add}>
            Add a header
          </button>
        </div>
      </div>
    </Panel>
  );
}
