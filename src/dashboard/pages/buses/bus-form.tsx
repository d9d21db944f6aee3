import { useState } from "preact/hooks";
import { ProblemError, type BusSettings, type BusSummary } from "../../../client/index.ts";
import { BUS_BYTES_MIN, EVENT_BYTES_MAX, REQUEST_BYTES_MAX, RETENTION_DAYS_MAX } from "../../../core/limits.ts";
import { integerOf } from "../../../core/words.ts";
import { ChoiceField } from "../../components/choice-field.tsx";
import { ErrorLine } from "../../components/error-line.tsx";
import { Panel } from "../../components/panel.tsx";
import { TextField } from "../../components/text-field.tsx";
import { useAction } from "../../data/use-action.ts";

const LOG_LEVELS = [
  { value: "all", label: "all: every event is on record" },
  { value: "failures", label: "failures: only what was not delivered at once" },
] as const;

interface BusFormProps {
  /** Null: one is made. */
  readonly saved: BusSummary | null;
  /** @throws as the client. */
  readonly onSave: (name: string, settings: BusSettings) => Promise<void>;
  readonly onCancel: () => void;
}

/** Makes a bus, or sets one. A field that is empty leaves it to the deployment. */
export function BusForm({ saved, onSave, onCancel }: BusFormProps) {
  const [name, setName] = useState(saved?.bus ?? "");
  const [days, setDays] = useState(textOf(saved?.retention_days ?? null));
  const [level, setLevel] = useState(saved?.log_level ?? "all");
  const [eventBytes, setEventBytes] = useState(textOf(saved?.event_bytes_max ?? null));
  const [requestBytes, setRequestBytes] = useState(textOf(saved?.request_bytes_max ?? null));
  const save = useAction(() =>
    onSave(name.trim(), {
      retention_days: numberOf(days, "Retention"),
      log_level: level,
      event_bytes_max: numberOf(eventBytes, "Largest event"),
      request_bytes_max: numberOf(requestBytes, "Largest publish"),
    }),
  );
  const faultOf = (member: string) =>
    save.error instanceof ProblemError
      ? (save.error.errors.find(({ pointer }) => pointer === `/${member}`)?.detail ?? null)
      : null;
  return (
    <Panel title={saved === null ? "New bus" : `Settings of ${saved.bus}`}>
      <form
        class="stack"
        noValidate
        aria-label={saved === null ? "New bus" : "Settings of the bus"}
        onSubmit={(submitted) => {
          submitted.preventDefault();
          void save.run();
        }}
      >
        <div class="fields">
          {saved === null ? (
            <TextField
              label="Name"
              value={name}
              onValue={setName}
              hint="1 to 32 of a-z, 0-9 and hyphen; it stays as it is"
              input={{ name: "bus", autocomplete: "off", required: true }}
            />
          ) : null}
          <TextField
            label="Retention (days)"
            value={days}
            onValue={setDays}
            fault={faultOf("retention_days")}
            hint={`At most ${RETENTION_DAYS_MAX}; empty: as the deployment has it`}
            input={{ name: "retention", inputMode: "numeric", autocomplete: "off" }}
          />
          <ChoiceField label="Log level" value={level} choices={LOG_LEVELS} onValue={setLevel} />
          <TextField
            label="Largest event (bytes)"
            value={eventBytes}
            onValue={setEventBytes}
            fault={faultOf("event_bytes_max")}
            hint={`${BUS_BYTES_MIN.toLocaleString("en")} to ${EVENT_BYTES_MAX.toLocaleString("en")}; empty: the most`}
            input={{ name: "event-bytes", inputMode: "numeric", autocomplete: "off" }}
          />
          <TextField
            label="Largest publish (bytes)"
            value={requestBytes}
            onValue={setRequestBytes}
            fault={faultOf("request_bytes_max")}
            hint={`${BUS_BYTES_MIN.toLocaleString("en")} to ${REQUEST_BYTES_MAX.toLocaleString("en")}; empty: the most`}
            input={{ name: "request-bytes", inputMode: "numeric", autocomplete: "off" }}
          />
        </div>
        <ErrorLine error={save.error} what={saved === null ? "It is not made" : "It is not saved"} />
        <div class="form-end">
          <button type="button" class="button" onClick={onCancel}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={save.isRunning || name.trim() === ""}>
            {saved === null ? "Create the bus" : "Save"}
          </button>
        </div>
      </form>
    </Panel>
  );
}

const textOf = (value: number | null): string => (value === null ? "" : String(value));

/** Null when it is empty. @throws Error when it is no integer. */
function numberOf(text: string, label: string): number | null {
  if (text.trim() === "") return null;
  const value = integerOf(text.trim());
  if (Number.isNaN(value)) throw new Error(`${label} must be a whole number`);
  return value;
}
