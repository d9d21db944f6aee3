/** Wildcards of the pattern language: `*` stands for any text, also for none; `\*` and `\\` for themselves. */
import { err, ok, type Result } from "../result.ts";

/** The texts between the stars, one more than there are stars. The error says what is wrong, as words for a fault. */
export function parseWildcard(text: string): Result<readonly string[], string> {
  const parts: string[] = [];
  let part = "";
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === "\\") {
      const escaped = text.charAt(index + 1);
      if (escaped !== "*" && escaped !== "\\")
        return err(`must have \\ only before * or \\, at character ${index + 1} it has not`);
      part += escaped;
      index += 1;
    } else if (character === "*") {
      if (text.charAt(index + 1) === "*") return err(`must not have ** as at character ${index + 1}`);
      parts.push(part);
      part = "";
    } else part += character;
  }
  parts.push(part);
  return ok(parts);
}

/** What of a value is looked at, so that a test can count the looks. */
export type Characters = Pick<string, "length" | "startsWith" | "endsWith" | "indexOf" | "charCodeAt">;

/**
 * Whether the value has the first part at its beginning, the last at its end, and the others between them in their order. Each is looked
 * for once, from where the one before it ended: the first place is as good as any. It takes the time of the value's length, whatever the
 * parts, of which there are two at least.
 */
export function fitsWildcard(parts: readonly string[], value: Characters): boolean {
  const last = parts.length - 1;
  const [first = ""] = parts;
  const end = value.length - (parts[last] ?? "").length;
  if (!value.startsWith(first) || !value.endsWith(parts[last] ?? "")) return false;
  let from = first.length;
  for (let index = 1; index < last; index++) {
    const part = parts[index] ?? "";
    const at = findPart(value, part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return from <= end;
}

/**
 * Characters of what `indexOf` looks for. V8 has its shifts (Boyer-Moore) from the last 250 of them only: of `baaa…` with more it tries
 * nearly all at every place of `aaa…`.
 */
const NATIVE_CHARS_MAX = 200;

/** The first place of the part from `from` on, -1 when there is none. */
function findPart(value: Characters, part: string, from: number): number {
  if (part.length <= NATIVE_CHARS_MAX) return value.indexOf(part, from);
  return part.length > value.length - from ? -1 : findLong(value, part, from);
}

/** The same, looking at each character once (Knuth, Morris and Pratt 1977). */
function findLong(value: Characters, part: string, from: number): number {
  const borders = bordersOf(part);
  let length = 0;
  for (let at = from; at < value.length; at++) {
    length = longer(part, borders, { length, code: value.charCodeAt(at) });
    if (length === part.length) return at + 1 - length;
  }
  return -1;
}

/** For each beginning of the part, by its length: how long the longest shorter one is that it ends with. */
function bordersOf(part: string): Uint32Array {
  const borders = new Uint32Array(part.length + 1);
  for (let end = 1; end < part.length; end++)
    borders[end + 1] = longer(part, borders, { length: borders[end] ?? 0, code: part.charCodeAt(end) });
  return borders;
}

/** How much of the part's beginning stands before and with the next code unit, when so much of it stood before. */
function longer(
  part: string,
  borders: Uint32Array,
  { length, code }: { readonly length: number; readonly code: number },
): number {
  let before = length;
  while (before > 0 && part.charCodeAt(before) !== code) before = borders[before] ?? 0;
  return part.charCodeAt(before) === code ? before + 1 : 0;
}
