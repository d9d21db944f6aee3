/** Files that a person wrote, read with an eye on what they meant: a fault is told with its line, and no number is changed on the way. */
import { readFile } from "node:fs/promises";
import { isScalar, LineCounter, parseDocument, visit, type Document } from "yaml";
import { faultOffset } from "../core/cloudevents/json-fault.ts";
import { isKept } from "../core/inexact.ts";
import { usage } from "./failure.ts";

/** Of all files but NDJSON: a configuration is small, and an event has at most 1 MiB. */
const FILE_BYTES_MAX = 64_000_000;

/** The name that stands for stdin. */
const STDIN = "-";

export const placeOf = (file: string): string => (file === STDIN ? "stdin" : file);

/** The bytes of a file, or of stdin for `-`. @throws Failure when it cannot be read. */
export async function readBytes(file: string): Promise<Buffer> {
  const bytes =
    file === STDIN ? await readStdin() : await readFile(file).catch((error: unknown) => unreadable(file, error));
  if (bytes.length > FILE_BYTES_MAX) throw usage(`${placeOf(file)} has over ${FILE_BYTES_MAX} bytes`);
  return bytes;
}

/** The same as text. @throws Failure also when it is not UTF-8. */
export async function readText(file: string): Promise<string> {
  const bytes = await readBytes(file);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw usage(`${placeOf(file)} is not UTF-8`, error);
  }
}

export function unreadable(file: string, error: unknown): never {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const words = code === "ENOENT" ? "does not exist" : code === "EISDIR" ? "is a directory" : `cannot be read: ${code}`;
  throw usage(`${file} ${words}`, error);
}

async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)));
  return Buffer.concat(chunks);
}

/**
 * A JSON text, every number as it is written: what JSON.stringify makes of the value has 1.10 and 12345678901234567890 again. Where
 * the runtime cannot do that (Node before 22), a number that would change is refused. `place` names it in faults.
 */
export function parseEventJson(text: string, place: string): unknown {
  const raw = rawJson();
  if (raw === null) return parseJson(text, place);
  checkJson(text, place);
  // What is but a number is no event, and is told as what it is.
  if (/^\s*[-\d]/.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value: unknown, context?: { readonly source?: string }) =>
    typeof value === "number" && context?.source !== undefined ? raw(context.source) : value,
  );
}

/** A JSON text. @throws Failure that tells where it is none, or where a number is that no double holds. */
export function parseJson(text: string, place: string): unknown {
  checkJson(text, place);
  // Strings are skipped, whatever they look like.
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g))
    if (!token.startsWith('"') && !isKept(token, Number(token)))
      throw usage(
        `${at(place, text, index)} ${token.slice(0, 40)} is a number that would be changed: write it as a string`,
      );
  return JSON.parse(text);
}

function checkJson(text: string, place: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    const offset = faultOffset(text) ?? text.length;
    const found =
      offset >= text.length
        ? "it ends too early"
        : `${JSON.stringify(text.slice(offset, offset + 1))} cannot stand there`;
    throw usage(`${at(place, text, offset)} This is not valid JSON: ${found}`, error);
  }
}

type RawJson = (text: string) => unknown;

const isRawJson = (value: unknown): value is RawJson => typeof value === "function";

const rawJson = (): RawJson | null => ("rawJSON" in JSON && isRawJson(JSON.rawJSON) ? JSON.rawJSON : null);

/** `file:line:column:`, as editors and compilers write it. */
function at(place: string, text: string, offset: number): string {
  const before = text.slice(0, offset);
  return `${place}:${before.split("\n").length}:${offset - before.lastIndexOf("\n")}:`;
}

/** A YAML document, and where its parts stand. */
export interface Yaml {
  readonly value: unknown;
  /** `file:line:column:` of what a path leads to, or of the nearest that there is. */
  readonly at: (path: readonly (string | number)[]) => string;
}

/**
 * YAML 1.2, and so JSON too. Merge keys and aliases work, within the parser's bound on what aliases may expand to.
 * @throws Failure with the line and column of the first fault.
 */
export function parseYaml(text: string, place: string): Yaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, merge: true });
  const positionOf = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${place}:${line}:${col}:`;
  };
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined)
    throw usage(`${positionOf(fault.pos[0])} This is not valid YAML: ${fault.message.split("\n", 1)[0] ?? ""}`, fault);
  visit(document, {
    Scalar: (_, { value, source, range }) => {
      if (typeof value !== "number" || source === undefined || !/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(source)) return;
      if (!isKept(source, value))
        throw usage(`${positionOf(range?.[0] ?? 0)} ${source} is a number that would be changed: write it as a string`);
    },
  });
  try {
    return { value: document.toJS(), at: (path) => positionOf(offsetOf(document, path)) };
  } catch (error) {
    // Only aliases that expand to too much end up here.
    throw usage(`${place}: This is not valid YAML: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function offsetOf(document: Document.Parsed, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isRanged(node)) return node.range[0];
  }
  return document.contents?.range[0] ?? 0;
}

const isRanged = (node: unknown): node is { readonly range: readonly [number, number, number] } =>
  typeof node === "object" && node !== null && (isScalar(node) || "range" in node) && Array.isArray(node.range);

/** A file of JSON or, by its ending, YAML. */
export async function readDocument(file: string): Promise<Yaml> {
  const text = await readText(file);
  const place = placeOf(file);
  if (/\.ya?ml$/i.test(file)) return parseYaml(text, place);
  return { value: parseJson(text, place), at: () => `${place}:` };
}
