/** Up to where a bus was heard: the last event before which all are dealt with, also when several are under way. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { systemRuntime } from "../../client/runtime.ts";
import { isMembers, parsedJson } from "../../core/json-value.ts";
import { usage } from "../failure.ts";

/** One event on its way. */
export interface Step {
  /** It is dealt with, whatever came of it. */
  readonly done: () => Promise<void>;
}

export interface Position {
  /** The next event, by its place in the stream. */
  readonly begin: (id: string) => Step;
  /** Where the stream begins, if nothing has been dealt with yet. */
  readonly start: (id: string) => Promise<void>;
}

/** `keep` is told each new position, one after the other. */
export function createPosition(keep: (id: string) => Promise<void>): Position {
  const open: { readonly id: string; isDone: boolean }[] = [];
  let keeping = Promise.resolve();
  let isStarted = false;
  const moved = (id: string): Promise<void> => {
    isStarted = true;
    keeping = keeping.then(() => keep(id));
    return keeping;
  };
  return {
    start: (id) => (isStarted || open.length > 0 ? Promise.resolve() : moved(id)),
    begin: (id) => {
      const step = { id, isDone: false };
      open.push(step);
      return {
        done: () => {
          step.isDone = true;
          let last: string | null = null;
          while (open[0]?.isDone === true) last = open.shift()?.id ?? null;
          return last === null ? keeping : moved(last);
        },
      };
    },
  };
}

/** Whose position a file holds. */
export interface Heard {
  readonly url: string;
  readonly bus: string;
}

/** The position in the file; null when there is none yet. @throws Failure when it is that of another bus, or none. */
export async function readPosition(file: string, heard: Heard): Promise<string | null> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    if (code === "ENOENT") return null;
    throw usage(`${file} cannot be read: ${String(code)}`, error);
  }
  const state = parsedJson(text);
  if (!isMembers(state) || typeof state["position"] !== "string")
    throw usage(`${file} holds no position of fantail listen`);
  if (state["url"] !== heard.url || state["bus"] !== heard.bus)
    throw usage(
      `${file} is of bus ${String(state["bus"])} at ${String(state["url"])}, not of ${heard.bus} at ${heard.url}`,
    );
  return state["position"];
}

/** Whole or not at all: whoever is killed meanwhile finds the position before. */
export async function writePosition(file: string, heard: Heard, position: string): Promise<void> {
  const fresh = `${file}.${systemRuntime.uuid()}`;
  try {
    await writeFile(fresh, `${JSON.stringify({ ...heard, position })}\n`, { flag: "wx" });
    await rename(fresh, file);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw usage(`${file} cannot be written: ${code}`, error);
  }
}
