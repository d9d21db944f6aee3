import type { JSX } from "preact";
import { useId } from "preact/hooks";

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  /** What it is for, or what may stand in it. */
  readonly hint?: string;
  /** What is wrong with it; null: nothing. */
  readonly fault?: string | null;
  /** Attributes of the `<input>`: `type`, `required`, `autocomplete`, … */
  readonly input?: JSX.IntrinsicElements["input"];
}

/** A field with its label, and what is wrong with it below. */
export function TextField({ label, value, onValue, hint, fault = null, input = {} }: TextFieldProps) {
  const id = useId();
  const isDescribed = hint !== undefined || fault !== null;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        spellcheck={false}
        {...input}
        id={id}
        value={value}
        aria-invalid={fault !== null}
        aria-describedby={isDescribed ? `${id}-note` : undefined}
        onInput={(typed) => onValue(typed.currentTarget.value)}
      />
      {isDescribed ? (
        <p id={`${id}-note`} class={fault === null ? "hint" : "fault"}>
          {fault ?? hint}
        </p>
      ) : null}
    </div>
  );
}
