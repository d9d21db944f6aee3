import { CopyButton } from "./copy-button.tsx";

interface JsonViewProps {
  /** What it is: `The event`. */
  readonly label: string;
  readonly value: unknown;
}

/** Strings with a colon behind them are names. */
const TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON, set out in lines and coloured, to be read and copied. */
export function JsonView({ label, value }: JsonViewProps) {
  const text = JSON.stringify(value, null, 2) ?? "null";
  return (
    <div class="json">
      <CopyButton text={text} label={`Copy ${label.toLowerCase()}`} isIcon />
      {/* What can be scrolled must be reached by the keyboard. */}
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>{coloured(text)}</code>
      </pre>
    </div>
  );
}

function coloured(text: string) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(TOKENS)) {
    const [all, string, colon] = match;
    const kind = string === undefined ? "json-other" : colon === undefined ? "json-text" : "json-name";
    parts.push(text.slice(end, match.index), <span class={kind}>{string ?? all}</span>, colon ?? "");
    end = match.index + all.length;
  }
  return [...parts, text.slice(end)];
}
