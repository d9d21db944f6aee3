// Random patterns and events of few words, so that most of what is generated meets.
import * as fc from "fast-check";
import { readPattern } from "../../../src/core/filters/read-pattern.ts";
import { createReading } from "../../../src/core/filters/reading.ts";

const key = fc.constantFrom("a", "b", "b-c", "a.b", "constructor", "__proto__");
const text = fc.constantFrom("", "a", "A", "ab", "aB", "ba", "é", "É", "10.0.0.1");
const number = fc.constantFrom(0, 1, 1.5, 2, 10);
const scalar = fc.oneof(text, number, fc.boolean(), fc.constant(null));
const wildcard = fc.constantFrom("*", "a*", "*a", "a*b", "*b*", "*a*b*", "\\*", "b");

const numeric = fc.oneof(
  fc.tuple(fc.constantFrom("=", "<", "<=", ">", ">="), number).map((comparison) => [...comparison]),
  fc
    .tuple(fc.constantFrom(">", ">="), number, fc.constantFrom("<", "<="), number)
    .filter(([, low, , high]) => low < high)
    .map((comparisons) => [...comparisons]),
);

const filled = text.filter((value) => value !== "");
const oneOrMore = <T>(value: fc.Arbitrary<T>) => fc.oneof(value, fc.array(value, { minLength: 1, maxLength: 3 }));
const excluded = fc.oneof(
  oneOrMore(text),
  oneOrMore(number),
  fc.record({ prefix: oneOrMore(filled) }),
  fc.record({ suffix: oneOrMore(filled) }),
  fc.record({ "equals-ignore-case": oneOrMore(text) }),
  fc.record({ wildcard: oneOrMore(wildcard) }),
);

const ignoringCase = fc.record({ "equals-ignore-case": text });

/** What a pattern lists for a path. */
export const patternValues = fc.array(
  fc.oneof(
    scalar,
    fc.record({ prefix: fc.oneof(text, ignoringCase) }),
    fc.record({ suffix: fc.oneof(text, ignoringCase) }),
    ignoringCase,
    fc.record({ wildcard }),
    fc.record({ numeric }),
    fc.record({ exists: fc.boolean() }),
    fc.record({ "anything-but": excluded }),
  ),
  { minLength: 1, maxLength: 3 },
);

const { pattern: anyPatterns } = fc.letrec<{ pattern: Record<string, unknown>; member: [string, unknown] }>((tie) => ({
  pattern: fc.array(tie("member"), { minLength: 1, maxLength: 3 }).map((members) => own(members)),
  member: fc.oneof(
    { maxDepth: 3, depthIdentifier: "pattern" },
    fc.tuple(key, patternValues),
    fc.tuple(key, patternValues),
    fc.tuple(key, tie("pattern")),
    fc.tuple(fc.constant("$or"), fc.array(tie("pattern"), { minLength: 2, maxLength: 3 })),
  ),
}));

/** Alternatives multiply quickly. */
export const isWithinLimits = (pattern: Readonly<Record<string, unknown>>): boolean =>
  readPattern(pattern, { place: { pointer: "" }, keyFault: () => null }, createReading()) !== null;

export const patterns = anyPatterns.filter(isWithinLimits);

export const { object: eventObjects } = fc.letrec<{ object: Record<string, unknown>; value: unknown }>((tie) => ({
  object: fc.array(fc.tuple(key, tie("value")), { maxLength: 4 }).map((members) => own(members)),
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: "event" },
    scalar,
    scalar,
    tie("object"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(tie("object"), { minLength: 1, maxLength: 3 }),
  ),
}));

/** As JSON.parse makes it: `__proto__` is a member like any other. */
function own(members: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return JSON.parse(
    `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`,
  );
}

/** Whether one path is spelled in two ways in one object: where the values differ the two readings may, too. */
export function isAmbiguous(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isAmbiguous);
  if (typeof value !== "object" || value === null) return false;
  const entries = Object.entries(value);
  const names = entries.map(([name]) => name);
  return (
    names.some((name) => names.some((other) => other.startsWith(`${name}.`))) ||
    entries.some(([, inner]) => isAmbiguous(inner))
  );
}
