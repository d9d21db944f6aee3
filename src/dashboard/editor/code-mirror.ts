/** The one place that knows CodeMirror. It is loaded with the first editor that is shown. */
import { jsonParseLinter } from "@codemirror/lang-json";
import { linter, lintGutter, type Diagnostic } from "@codemirror/lint";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import {
  Decoration,
  EditorView,
  MatchDecorator,
  ViewPlugin,
  type DecorationSet,
  type ViewUpdate,
} from "@codemirror/view";
import { basicSetup } from "codemirror";
import type { Mistake } from "./mistake.ts";

export interface Editor {
  /** Replaces the text, unless it is that already. */
  readonly setText: (text: string) => void;
  readonly setReadOnly: (isReadOnly: boolean) => void;
  /** Looks for mistakes again: what `check` goes by has changed. */
  readonly recheck: () => void;
  readonly focus: () => void;
  readonly remove: () => void;
}

interface EditorOptions {
  readonly label: string;
  readonly text: string;
  readonly isReadOnly: boolean;
  readonly onText: (text: string) => void;
  /** What is wrong with a text that is JSON. */
  readonly check: (text: string) => readonly Mistake[];
}

/** How long after the last key a text is looked at. */
const CHECK_AFTER_MS = 250;

/**
 * An editor of JSON in `place`. It lies in a shadow root: there CodeMirror uses constructed style sheets, where in the page it would put a
 * `<style>` that the policy refuses. The page's custom properties reach into it.
 */
export function edit(place: HTMLElement, options: EditorOptions): Editor {
  const root = place.shadowRoot ?? place.attachShadow({ mode: "open" });
  const readOnly = new Compartment();
  const checking = new Compartment();
  const lint = () => linter((view) => mistakesOf(view, options.check), { delay: CHECK_AFTER_MS });
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        basicSetup,
        COLOURED,
        LOOK,
        lintGutter(),
        checking.of(lint()),
        readOnly.of(readOnlyOf(options.isReadOnly)),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": options.label, spellcheck: "false" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onText(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    setText: (text) => {
      const { doc } = view.state;
      if (doc.toString() !== text) view.dispatch({ changes: { from: 0, to: doc.length, insert: text } });
    },
    setReadOnly: (isReadOnly) => view.dispatch({ effects: readOnly.reconfigure(readOnlyOf(isReadOnly)) }),
    recheck: () => view.dispatch({ effects: checking.reconfigure(lint()) }),
    focus: () => view.focus(),
    remove: () => view.destroy(),
  };
}

const readOnlyOf = (isReadOnly: boolean): Extension => [
  EditorState.readOnly.of(isReadOnly),
  EditorView.editable.of(!isReadOnly),
];

const parse = jsonParseLinter();

/** An empty text is no mistake of the typist's. */
function mistakesOf(view: EditorView, check: EditorOptions["check"]): readonly Diagnostic[] {
  const text = view.state.doc.toString();
  if (text.trim() === "") return [];
  const unreadable = parse(view);
  if (unreadable.length > 0) return unreadable;
  return check(text).map(({ message, from = 0, to = text.length }) => ({ from, to, message, severity: "error" }));
}

/** By expression: the whole grammar would bring colours that are for light grounds only. */
const TOKENS = new MatchDecorator({
  regexp: /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g,
  decorate: (add, from, _, match) => {
    const [all, string, colon] = match;
    const kind = string === undefined ? "json-other" : colon === undefined ? "json-text" : "json-name";
    add(from, from + (string ?? all).length, Decoration.mark({ class: kind }));
  },
});

class Colours {
  decorations: DecorationSet;

  constructor(view: EditorView) {
    this.decorations = TOKENS.createDeco(view);
  }

  update(update: ViewUpdate): void {
    this.decorations = TOKENS.updateDeco(update, this.decorations);
  }
}

const COLOURED = ViewPlugin.fromClass(Colours, { decorations: ({ decorations }) => decorations });

const LOOK = EditorView.theme({
  "&": {
    color: "var(--text)",
    backgroundColor: "var(--panel)",
    border: "1px solid var(--control-line)",
    borderRadius: "var(--radius-small)",
    fontSize: "13px",
  },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", minHeight: "120px", maxHeight: "50vh", overflow: "auto" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { color: "var(--dim)", backgroundColor: "var(--raised)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--raised)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--accent-ground)",
  },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-ground)" },
  ".cm-panels, .cm-tooltip": {
    color: "var(--text)",
    backgroundColor: "var(--panel)",
    borderColor: "var(--control-line)",
  },
  ".json-name": { color: "var(--accent)" },
  ".json-text": { color: "var(--good)" },
  ".json-other": { color: "var(--busy)" },
});
