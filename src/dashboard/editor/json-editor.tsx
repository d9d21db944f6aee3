import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { lineOf } from "../data/problem-line.ts";
import type { Editor } from "./code-mirror.ts";
import type { Mistake } from "./mistake.ts";

interface JsonEditorProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  /** What is wrong with a text that is JSON; called a moment after the last key. Absent: nothing is. */
  readonly check?: (text: string) => readonly Mistake[];
  /** What is wrong with it by somebody else's word, the router's above all; null: nothing. */
  readonly fault?: string | null;
  readonly isReadOnly?: boolean;
}

const nothing = (): readonly Mistake[] => [];

/** Edits JSON: what is wrong is marked as it is typed. Tab leaves it. */
export function JsonEditor({
  label,
  value,
  onValue,
  check = nothing,
  fault = null,
  isReadOnly = false,
}: JsonEditorProps) {
  const id = useId();
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | null>(null);
  const latest = useRef({ value, onValue, check, isReadOnly });
  latest.current = { value, onValue, check, isReadOnly };
  const [error, setError] = useState<unknown>(null);

  useEffect(() => {
    let isGone = false;
    import("./code-mirror.ts").then(({ edit }) => {
      if (isGone || place.current === null) return;
      editor.current = edit(place.current, {
        label,
        text: latest.current.value,
        isReadOnly: latest.current.isReadOnly,
        onText: (text) => latest.current.onValue(text),
        check: (text) => latest.current.check(text),
      });
    }, setError);
    return () => {
      isGone = true;
      editor.current?.remove();
      editor.current = null;
    };
  }, [label]);
  // At once: a text that is put in later would take back what was typed meanwhile.
  useLayoutEffect(() => editor.current?.setText(value), [value]);
  useEffect(() => editor.current?.setReadOnly(isReadOnly), [isReadOnly]);
  useEffect(() => editor.current?.recheck(), [check]);

  const said = error === null ? fault : lineOf(error);
  return (
    <div class="field" role="group" aria-labelledby={`${id}-label`}>
      {/* A label cannot name what lies in a shadow root: the editor has the words as its own. */}
      <button type="button" id={`${id}-label`} class="label" tabIndex={-1} onClick={() => editor.current?.focus()}>
        {label}
      </button>
      <div ref={place} class="editor" />
      {said === null ? null : (
        <p class="fault" role="status">
          {said}
        </p>
      )}
    </div>
  );
}
