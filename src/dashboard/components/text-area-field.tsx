import type { JSX } from "preact";
import { useId } from "preact/hooks";

interface TextAreaFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  /** What it is for, or what may stand in it. */
  readonly hint?: string;
  /** What is wrong with it; null: nothing. */
  readonly fault?: string | null;
  /** Attributes of the `<textarea>`: `rows`, `placeholder`, … */
  readonly area?: JSX.IntrinsicElements["textarea"];
}

/** A field of several lines with its label, and what is wrong with it below. */
export function TextAreaField({ label, value, onValue, hint, fault = null, area = {} }: TextAreaFieldProps) {
  const id = useId();
  const isDescribed = hint !== undefined || fault !== null;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        spellcheck={false}
        rows={3}
        {...area}
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
