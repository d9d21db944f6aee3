/** Numbers of a JSON text that no double is: what is read is not what was written (RFC 8259 §6). */
import { isList, isMembers } from "./json-value.ts";
import { memberPointer } from "./problem.ts";

/** A number that a double may not keep has at least so many digits, or an exponent. */
const SUSPICIOUS = /\d[\d.]{15}|\d[eE]/;

const INEXACT = Symbol("inexact");

/**
 * JSON Pointers to the numbers of a valid JSON text whose value is another one when it is read: 9007199254740993, 1e400, but neither 0.1 nor
 * 300.0. Written out again, the double has the same decimal digits.
 */
export function inexactNumbers(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  if (SUSPICIOUS.test(text)) collect(JSON.parse(text, marked), "", found);
  return found;
}

/** Of the number at a JSON Pointer: whether its value is the one that is written in this text. The text is looked through when it is first asked. */
export function exactness(text: string): (pointer: string) => boolean {
  let inexact: ReadonlySet<string> | null = null;
  return (pointer) => {
    inexact ??= inexactNumbers(text);
    return !inexact.has(pointer);
  };
}

/** The text of a number comes as `source` (ECMAScript, JSON.parse source text access). */
function marked(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  return typeof value === "number" && source !== undefined && !isKept(source, value) ? INEXACT : value;
}

function collect(value: unknown, pointer: string, found: Set<string>): void {
  if (value === INEXACT) found.add(pointer);
  else if (isList(value)) for (const [index, inner] of value.entries()) collect(inner, `${pointer}/${index}`, found);
  else if (isMembers(value))
    for (const [name, inner] of Object.entries(value)) collect(inner, memberPointer(pointer, name), found);
}

/** Whether the shortest decimal that reads as this double has the digits that were written (as the reference's `ComparableNumber` asks). */
export function isKept(source: string, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  const [written, kept] = [decimalOf(source), decimalOf(String(value))];
  return written.digits === kept.digits && (written.digits === "" || written.exponent === kept.exponent);
}

/** Digits without zeros at either end, empty for zero, and the power of ten of the last one. */
function decimalOf(text: string): { readonly digits: string; readonly exponent: number } {
  const [mantissa = "", exponent = "0"] = text.replace(/^-/, "").toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const all = whole + fraction;
  const digits = all.replace(/^0+/, "").replace(/0+$/, "");
  const trailing = all.length - all.replace(/0+$/, "").length;
  return { digits, exponent: Number(exponent) - fraction.length + trailing };
}
