// CloudEvents SQL 1.0.0: the specification's own test suite (TCK), and expressions on which sdk-go and sdk-java agree, recorded in the
// shared corpora.
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AttributeValue } from "../../src/core/event.ts";
import { evaluateSql, sqlHolds } from "../../src/core/sql/evaluate.ts";
import { parseSql } from "../../src/core/sql/parse.ts";
import { sqlRequires } from "../../src/core/sql/requires.ts";
import type { SqlValue } from "../../src/core/sql/values.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

interface Case {
  readonly id: string;
  readonly expression: string;
  /** Absent where nothing is parsed. */
  readonly result?: SqlValue;
  readonly error?: string;
  readonly event?: Attributes;
  readonly eventOverrides?: Attributes;
  /** Why the case is doubted. */
  readonly disputed?: string;
  /** Whether the event passes; only of recorded answers. */
  readonly filter?: boolean;
}

/** Where the suite and the specification part, and Fantail follows the specification. */
const DISPUTED = [
  {
    id: "cesql/not_operator/4",
    expression: "NOT 10",
    why: "§3.7 makes Integer -> Boolean a cast that MUST be supported",
    answer: { value: false, error: null },
  },
];

const ANY_EVENT: Attributes = { specversion: "1.0", id: "1", source: "/conformance", type: "com.example.any" };

/** A value, an error or both, in the words of the cases. */
function answerTo({ expression, event, eventOverrides }: Case): { value: SqlValue | undefined; error: string | null } {
  const parsed = parseSql(expression);
  if (!parsed.ok) return { value: undefined, error: "parse" };
  return evaluateSql(parsed.value, event ?? { ...ANY_EVENT, ...eventOverrides });
}

const folder = `${process.env["FANTAIL_CORPORA"] ?? "../shared/corpora"}/cesql`;

function read(name: string): readonly Case[] {
  return JSON.parse(readFileSync(`${folder}/${name}`, "utf8"));
}

if (existsSync(folder)) {
  const suite = read("cesql-tck.json");
  const undisputed = suite.filter(({ disputed }) => disputed === undefined);
  const recorded = read("fuzz.json");
  /** Every case that was compared. */
  const compared = new Set<string>();

  describe("the TCK", () => {
    it.each(undisputed)("$id $expression", (given) => {
      const { value, error } = answerTo(given);
      expect(error).toBe(given.error ?? null);
      // Of what cannot be parsed the suite states a value now and then: nothing has it.
      if (error !== "parse") expect(value).toBe(given.result);
      compared.add(given.id);
    });

    it("leaves out only what is disputed", () => {
      const disputed = suite.filter((given) => given.disputed !== undefined);
      expect(disputed.map(({ id, expression }) => ({ id, expression }))).toEqual(
        expect.arrayContaining(DISPUTED.map(({ id, expression }) => ({ id, expression }))),
      );
      expect(compared.size).toBe(suite.length - disputed.length);
    });
  });

  describe("what sdk-go and sdk-java answer alike", () => {
    it("is answered by Fantail with the same value, the same error and the same verdict", () => {
      const differing = recorded.filter((given) => {
        const { value, error } = answerTo(given);
        return value !== given.result || error !== (given.error ?? null) || passes(given) !== given.filter;
      });
      expect(differing).toEqual([]);
      expect(recorded.length).toBeGreaterThan(0);
    });

    it("never passes without what sqlRequires() names", () => {
      const passing = recorded.filter(({ filter }) => filter === true);
      const refuted = passing.filter(({ expression, event = ANY_EVENT }) => {
        const parsed = parseSql(expression);
        if (!parsed.ok) return true;
        return sqlRequires(parsed.value).some(({ attribute, values, prefixes, suffixes }) => {
          const text = String(event[attribute]);
          const hasEnd = prefixes.some((end) => text.startsWith(end)) || suffixes.some((end) => text.endsWith(end));
          return !hasEnd && !values.includes(text);
        });
      });
      expect(passing.length).toBeGreaterThan(0);
      expect(refuted).toEqual([]);
    });
  });
} else {
  it.skip(`the recorded expressions are not at ${folder}: set FANTAIL_CORPORA`, () => {});
}

function passes({ expression, event = ANY_EVENT }: Case): boolean {
  const parsed = parseSql(expression);
  return parsed.ok && sqlHolds(parsed.value, event);
}

it.each(DISPUTED)("evaluateSql() follows the specification on $expression: $why", (disputed) => {
  expect(answerTo(disputed)).toEqual(disputed.answer);
});
