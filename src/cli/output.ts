/** Everything that the command line writes: answers on stdout, all else on stderr. It decides how, never what. */
import { styleText } from "node:util";

/** What a text stands for; only a terminal sees the colours. */
export type Tone = "good" | "bad" | "doubtful" | "strong" | "faint";

const STYLES = { good: "green", bad: "red", doubtful: "yellow", strong: "bold", faint: "dim" } as const;

export interface Output {
  /** With `--json`: stdout has JSON alone. */
  readonly isJson: boolean;
  /** Whether a person looks at stderr: only then there is progress, and questions. */
  readonly isWatched: boolean;
  /** The answer of a command: one JSON value with `--json`, else these lines. */
  answer(value: unknown, lines: () => readonly string[]): void;
  /** A line on stdout for people; with `--json` nothing. */
  line(text: string): void;
  /** A line of NDJSON on stdout with `--json`; else nothing. */
  row(value: unknown): void;
  /** One of many answers: a line of NDJSON with `--json`, else a line. */
  each(value: unknown, line: () => string): void;
  /** The same of what is JSON already, which is not written anew: numbers stay as they are. */
  eachJson(json: string, line: () => string): void;
  /** A line on stderr, for people. */
  note(text: string): void;
  /** A text on stderr that the next one writes over; terminals only. */
  progress(text: string): void;
  /** Coloured for stdout, if that is a terminal that wants colours. */
  paint(tone: Tone, text: string): string;
}

/** The output of this process. */
export function processOutput(isJson: boolean): Output {
  const { stdout, stderr } = process;
  let hasProgress = false;
  const clear = (): string => {
    const erase = hasProgress ? "\r\u001B[2K" : "";
    hasProgress = false;
    return erase;
  };
  const write = (text: string): void => {
    if (hasProgress) stderr.write(clear());
    stdout.write(`${text}\n`);
  };
  return {
    isJson,
    isWatched: stderr.isTTY,
    answer: (value, lines) => {
      if (isJson) write(JSON.stringify(value, null, 2));
      else for (const line of lines()) write(line);
    },
    line: (text) => {
      if (!isJson) write(text);
    },
    row: (value) => {
      if (isJson) write(JSON.stringify(value));
    },
    each: (value, line) => write(isJson ? JSON.stringify(value) : line()),
    eachJson: (json, line) => write(isJson ? json : line()),
    note: (text) => void stderr.write(`${clear()}${harmless(text)}\n`),
    progress: (text) => {
      if (!stderr.isTTY) return;
      stderr.write(`${clear()}${text.slice(0, stderr.columns - 1)}`);
      hasProgress = text !== "";
    },
    paint: paintOn(stdout),
  };
}

const paintOn = (stream: NodeJS.WriteStream) => (tone: Tone, text: string) =>
  wantsColours(stream) ? styleText(STYLES[tone], text, { validateStream: false }) : text;

/** NO_COLOR (no-color.org) and FORCE_COLOR come before what the stream is. */
function wantsColours(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR: no = "", FORCE_COLOR: force = "" } = process.env;
  if (no !== "") return false;
  if (force !== "") return force !== "0";
  return stream.isTTY && process.env["TERM"] !== "dumb";
}

/** A text of somebody else, without what a terminal would take for a command. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
export const harmless = (text: string): string => text.replaceAll(/[\u0000-\u001F\u007F-\u009F]/g, "\uFFFD");
