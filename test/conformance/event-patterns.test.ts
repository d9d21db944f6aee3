// The event pattern language: verdicts of event-ruler and quamina, recorded while their own tests ran, and of two implementations that agree
// on generated input, from the shared corpora. Each is asked of a condition alone and of the index.
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Condition } from "../../src/core/filters/holds.ts";
import { EventView } from "../../src/core/filters/view.ts";
import { holds } from "../../src/core/filters/holds.ts";
import { readPattern } from "../../src/core/filters/read-pattern.ts";
import { createReading } from "../../src/core/filters/reading.ts";
import { inexactNumbers } from "../../src/core/inexact.ts";
import { createMatcher } from "../../src/core/matcher/matcher.ts";

interface Case {
  readonly id: string;
  readonly pattern: string;
  readonly event: string;
  readonly expected: boolean;
  /** The verdict is another one when numbers are doubles. */
  readonly jsLossy?: boolean;
  readonly tier?: string;
}

interface RuleSet {
  readonly id: string;
  readonly rules: Readonly<Record<string, string>>;
  readonly events: readonly string[];
  readonly matches: readonly (readonly string[])[];
}

interface Quirk {
  readonly pattern: string;
  /** Without one, it is whether the pattern is valid. */
  readonly event?: string;
  readonly reference: boolean | "valid" | "invalid";
}

const folder = `${process.env["FANTAIL_CORPORA"] ?? "../shared/corpora"}/event-patterns`;

// Recorded data of a known shape: each member is held against the implementation below.
const lines = (name: string) =>
  readFileSync(`${folder}/${name}`, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** The pattern as one condition, or what is wrong with it. A text that is not JSON is refused before it is read. */
function read(text: string): Condition | readonly string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return ["is not JSON"];
  }
  const inexact = inexactNumbers(text);
  const reading = createReading((pointer) => !inexact.has(pointer));
  const alternatives = readPattern(value, { place: { pointer: "" }, keyFault: () => null }, reading);
  if (alternatives === null) return reading.faults.map(({ pointer, detail }) => `${pointer}: ${detail}`);
  return { kind: "any", of: alternatives.map((fields) => ({ kind: "fields", fields })) };
}

const isCondition = (value: Condition | readonly string[]): value is Condition => "kind" in value;

/** What is answered: both ways to ask must agree, or that is the answer. */
function answer({ pattern, event }: Case): boolean | string {
  const condition = read(pattern);
  if (!isCondition(condition)) return `refused: ${condition.join("; ")}`;
  const form = JSON.parse(event);
  const matcher = createMatcher();
  matcher.set("sub", { types: null, source: null, filters: [{ pattern: JSON.parse(pattern) }] });
  const [alone, found] = [holds(condition, new EventView(form)), matcher.match(form).length === 1];
  return alone === found ? alone : `alone ${alone}, in the index ${found}`;
}

/**
 * docs/filters.md#deviations: in the reference one character may equal several that are its capital form. All of these cases hold one pattern:
 * a small upsilon with dialytika and tonos, whose capital is three characters.
 */
const isExpansion = ({ tier }: Case): boolean => tier === "unicode-case-expansion";

if (existsSync(folder)) {
  describe.each(["event-ruler.jsonl", "quamina.jsonl", "fuzz.jsonl", "fuzz-values.jsonl"])("%s", (name) => {
    const cases = lines(name) as readonly Case[];
    const asked = cases.filter((one) => one.jsLossy !== true && !isExpansion(one));

    it("has every verdict", () => {
      expect(
        asked.filter((one) => answer(one) !== one.expected).map((one) => ({ ...one, answer: answer(one) })),
      ).toEqual([]);
    });

    it("leaves out only numbers over 2^53 and characters that grow as capitals", () => {
      const left = cases.filter((one) => !asked.includes(one));
      expect(
        left.every((one) => inexactNumbers(one.pattern).size + inexactNumbers(one.event).size > 0 || isExpansion(one)),
      ).toBe(true);
    });
  });

  it.each(["event-ruler-invalid.jsonl", "event-ruler-validity-fuzz.jsonl"])(
    "refuses each pattern of %s, and says why",
    (name) => {
      const accepted = lines(name).filter(({ pattern }: Case) => isCondition(read(pattern)));
      expect(accepted).toEqual([]);
    },
  );

  it("accepts each pattern of event-ruler-valid.jsonl", () => {
    const refused = lines("event-ruler-valid.jsonl").filter(({ pattern }: Case) => !isCondition(read(pattern)));
    expect(refused).toEqual([]);
  });

  it("finds the same patterns for each event of fuzz-rule-sets.jsonl", () => {
    const wrong: unknown[] = [];
    for (const { id, rules, events, matches } of lines("fuzz-rule-sets.jsonl") as readonly RuleSet[]) {
      const matcher = createMatcher();
      for (const [rule, pattern] of Object.entries(rules))
        matcher.set(rule, { types: null, source: null, filters: [{ pattern: JSON.parse(pattern) }] });
      expect(events.length).toBe(matches.length);
      for (const [index, event] of events.entries()) {
        const found = matcher.match(JSON.parse(event)).toSorted();
        if (found.join() !== (matches[index] ?? []).toSorted().join())
          wrong.push({ id, event, found, matches: matches[index] });
      }
    }
    expect(wrong).toEqual([]);
  });

  it("has none of the oddities of the reference", () => {
    const quirks = lines("event-ruler-quirks.jsonl") as readonly Quirk[];
    const wrong = quirks.filter(({ pattern, event, reference }) => {
      const condition = read(pattern);
      if (event === undefined) return isCondition(condition) !== (reference === "valid");
      return isCondition(condition) ? holds(condition, new EventView(JSON.parse(event))) !== reference : reference;
    });
    expect(wrong).toEqual([]);
  });
} else it.skip(`event patterns: there is no ${folder}`);
