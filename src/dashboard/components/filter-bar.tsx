import { useEffect, useId, useRef } from "preact/hooks";
import { useQuery, type Query } from "../data/use-query.ts";

export interface FilterField {
  /** Its member of the page's query. */
  readonly name: string;
  readonly label: string;
  /** `time` is RFC 3339 in the query and local time in the field; `choice` one of `choices`, or any. */
  readonly kind: "text" | "time" | "choice";
  readonly choices?: readonly string[];
  readonly placeholder?: string;
}

interface FilterBarProps {
  /** What is searched: `Search events`. */
  readonly label: string;
  readonly fields: readonly FilterField[];
}

/** Fields that are members of the page's query: what is searched is in the URL. A text counts once it is sent, a choice at once. */
export function FilterBar({ label, fields }: FilterBarProps) {
  const [query, setQuery] = useQuery();
  return (
    <search>
      <form
        class="filters"
        aria-label={label}
        onSubmit={(submitted) => {
          submitted.preventDefault();
          setQuery(changesOf(submitted.currentTarget, fields));
        }}
        onReset={() => setQuery(Object.fromEntries(fields.map(({ name }) => [name, ""])))}
      >
        {fields.map((field) => (
          <Field key={field.name} field={field} value={query[field.name] ?? ""} />
        ))}
        <div class="filter-buttons">
          <button type="submit" class="button primary">
            Search
          </button>
          <button type="reset" class="button">
            Clear
          </button>
        </div>
      </form>
    </search>
  );
}

function Field({ field, value }: { readonly field: FilterField; readonly value: string }) {
  const id = useId();
  const { name, label, kind, choices = [], placeholder } = field;
  const control = useRef<HTMLInputElement & HTMLSelectElement>(null);
  const shown = kind === "time" ? localTime(value) : value;
  // What is typed is the browser's until it is sent; what the URL says anew replaces it.
  useEffect(() => {
    if (control.current !== null) control.current.value = shown;
  }, [shown]);
  const common = { id, name, ref: control };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {kind === "choice" ? (
        <select {...common} onChange={(changed) => changed.currentTarget.form?.requestSubmit()}>
          <option value="">any</option>
          {choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : kind === "time" ? (
        <input {...common} type="datetime-local" step="1" />
      ) : (
        <input {...common} type="text" placeholder={placeholder} autocomplete="off" spellcheck={false} />
      )}
    </div>
  );
}

function changesOf(form: HTMLFormElement, fields: readonly FilterField[]): Query {
  const typed = new FormData(form);
  return Object.fromEntries(
    fields.map(({ name, kind }) => {
      const entry = typed.get(name);
      const text = typeof entry === "string" ? entry.trim() : "";
      return [name, kind === "time" && text !== "" ? new Date(text).toISOString() : text];
    }),
  );
}

/** What a field of local time takes: `2026-11-26T07:30:00`. Empty when it is no time. */
function localTime(value: string): string {
  const time = new Date(value);
  if (value === "" || Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
