// Each answer is the value, and after it the error if there is one. Sources: CESQL 1.0.0 §3.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SQL_CHARS_MAX, SQL_STRING_CHARS_MAX } from "../../../src/core/limits.ts";
import { evaluateSql, sqlHolds } from "../../../src/core/sql/evaluate.ts";
import type { SqlError, SqlValue } from "../../../src/core/sql/values.ts";
import { attributes, expression, sqlOf } from "./expressions.ts";

const EVENT = {
  specversion: "1.0",
  id: "1",
  source: "/shop",
  type: "order.created",
  subject: "eu/42",
  seven: 7,
  zero: 0,
  yes: true,
  no: false,
  text: "7",
  word: "TRUE",
  emoji: "a😀b",
  empty: "",
};

type Answer = readonly [text: string, value: SqlValue] | readonly [text: string, value: SqlValue, error: SqlError];

/** Both answers at once: what is evaluated, and whether it passes as a filter. */
function answers(group: string, rows: readonly Answer[]): void {
  const cases = rows.map(([text, value, error = null]) => ({ text, value, error }));
  it.each(cases)(`${group}: $text is $value $error`, ({ text, value, error }) => {
    const parsed = sqlOf(text);
    expect(evaluateSql(parsed, EVENT)).toEqual({ value, error });
    expect(sqlHolds(parsed, EVENT)).toBe(value === true && error === null);
  });
}

describe("evaluateSql() gives attributes", () => {
  answers("by name", [
    ["type", "order.created"],
    ["TYPE", "order.created"],
    ["seven", 7],
    ["yes", true],
    ["empty", ""],
    ["missing", false, "missingAttribute"],
    ["EXISTS type", true],
    ["EXISTS Subject", true],
    ["EXISTS no", true],
    ["EXISTS empty", true],
    ["EXISTS missing", false],
    ["NOT EXISTS missing", true],
  ]);

  it.each(["constructor", "tostring", "valueof", "hasownproperty"])("has no %s unless the event has it", (name) => {
    expect(evaluateSql(sqlOf(name), {})).toEqual({ value: false, error: "missingAttribute" });
    expect(evaluateSql(sqlOf(`EXISTS ${name}`), {})).toEqual({ value: false, error: null });
    const own = Object.fromEntries([[name, "own"]]);
    expect(evaluateSql(sqlOf(name), own)).toEqual({ value: "own", error: null });
    expect(evaluateSql(sqlOf(`EXISTS ${name}`), own)).toEqual({ value: true, error: null });
  });

  it("reads attributes of an object without a prototype", () => {
    expect(evaluateSql(sqlOf("a = 1"), Object.assign(Object.create(null), { a: 1 }))).toEqual({
      value: true,
      error: null,
    });
  });

  it.each([2_147_483_648, 1.5, -2_147_483_649])("takes %d, which is no Integer, for its String", (a) => {
    expect(evaluateSql(sqlOf("a"), { a })).toEqual({ value: String(a), error: null });
    expect(evaluateSql(sqlOf("a + 0"), { a })).toEqual({ value: 0, error: "cast" });
  });
});

describe("evaluateSql() casts (§3.7)", () => {
  answers("to Integer", [
    ["INT('7')", 7],
    ["INT('+7')", 7],
    ["INT('-007')", -7],
    ["INT('-0')", 0],
    ["INT('2147483647')", 2_147_483_647],
    ["INT('-2147483648')", -2_147_483_648],
    ["INT('2147483648')", 0, "cast"],
    ["INT('-2147483649')", 0, "cast"],
    ["INT('')", 0, "cast"],
    ["INT('+')", 0, "cast"],
    ["INT(' 7')", 0, "cast"],
    ["INT('7 ')", 0, "cast"],
    ["INT('7.0')", 0, "cast"],
    ["INT('7e1')", 0, "cast"],
    ["INT('0x7')", 0, "cast"],
    ["INT('٧')", 0, "cast"],
    ["INT('--7')", 0, "cast"],
    ["INT('true')", 0, "cast"],
    ["INT(yes)", 1],
    ["INT(no)", 0],
    ["INT(missing)", 0, "missingAttribute"],
  ]);
  answers("to Boolean", [
    ["BOOL('true')", true],
    ["BOOL('tRuE')", true],
    ["BOOL('FALSE')", false],
    ["BOOL('1')", false, "cast"],
    ["BOOL('yes')", false, "cast"],
    ["BOOL(' true')", false, "cast"],
    ["BOOL('')", false, "cast"],
    ["BOOL(0)", false],
    ["BOOL(-50)", true],
    ["BOOL(missing)", false, "missingAttribute"],
  ]);
  answers("to String", [
    ["STRING(-007)", "-7"],
    ["STRING(TRUE)", "true"],
    ["STRING(no)", "false"],
    ["STRING('TRUE')", "TRUE"],
    ["STRING(missing)", "", "missingAttribute"],
  ]);
});

describe("evaluateSql() calculates with 32 bits", () => {
  answers("+ - * / %", [
    ["1 + 2", 3],
    ["seven - 10", -3],
    ["seven * -3", -21],
    ["5 / 3", 1],
    ["-5 / 3", -1],
    ["-1 / 3", 0],
    ["5 % 3", 2],
    ["-5 % 3", -2],
    ["5 % -3", 2],
    ["-3 % 3", 0],
    ["0 * -1", 0],
    ["5 / 0", 0, "math"],
    ["5 % 0", 0, "math"],
    ["'5' + yes", 6],
    ["'a' + 1", 0, "cast"],
    ["1 + 'a'", 0, "cast"],
    ["missing * 5", 0, "missingAttribute"],
    ["1 / missing", 0, "missingAttribute"],
    ["missing / 0", 0, "missingAttribute"],
    ["'a' + missing", 0, "missingAttribute"],
    // Two's complement: what is too large wraps around.
    ["2147483647 + 1", -2_147_483_648],
    ["-2147483648 - 1", 2_147_483_647],
    ["2147483647 * 2147483647", 1],
    ["2147483647 * 2", -2],
    ["-2147483648 / -1", -2_147_483_648],
    ["-2147483648 % -1", 0],
    ["65537 * 65537", 131_073],
  ]);
  answers("minus", [
    ["-seven", -7],
    ["-zero", 0],
    ["-'7'", -7],
    ["-TRUE", -1],
    ["--2147483648", -2_147_483_648],
    ["-type", 0, "cast"],
    ["-missing", 0, "missingAttribute"],
  ]);

  it("never gives what is no Integer", () => {
    const operand = fc.integer({ min: -2_147_483_648, max: 2_147_483_647 });
    fc.assert(
      fc.property(operand, operand, fc.constantFrom("+", "-", "*", "/", "%"), (x, y, operator) => {
        const { value, error } = evaluateSql(sqlOf(`x ${operator} y`), { x, y });
        expect(Object.is(value, Number(value) | 0)).toBe(true);
        const exact = { "+": BigInt(x) + BigInt(y), "-": BigInt(x) - BigInt(y), "*": BigInt(x) * BigInt(y) };
        if (operator === "+" || operator === "-" || operator === "*")
          expect(value).toBe(Number(BigInt.asIntN(32, exact[operator])));
        else expect(error).toBe(y === 0 ? "math" : null);
      }),
    );
  });
});

describe("evaluateSql() compares", () => {
  answers("< <= > >=, as Integers", [
    ["seven < 8", true],
    ["seven < 7", false],
    ["seven <= 7", true],
    ["seven > 7", false],
    ["seven >= 7", true],
    ["'10' > '9'", true],
    ["yes > no", true],
    ["type < 1", false, "cast"],
    ["1 < type", false, "cast"],
    ["missing >= 0", false, "missingAttribute"],
    ["0 <= missing", false, "missingAttribute"],
  ]);
  answers("= != <>, as the type on the right", [
    ["type = 'order.created'", true],
    ["type = 'Order.created'", false],
    ["type != 'order.created'", false],
    ["type <> 'x'", true],
    ["text = 7", true],
    ["text = '07'", false],
    ["seven = '7'", true],
    ["seven = '07'", false],
    ["'07' = seven", true],
    ["'x' = seven", false, "cast"],
    ["'x' != seven", false, "cast"],
    ["type = 7", false, "cast"],
    ["word = TRUE", true],
    ["TRUE = word", false],
    ["TRUE = 'true'", true],
    ["seven = TRUE", true],
    ["TRUE = seven", false],
    ["yes = 1", true],
    ["missing = ''", false, "missingAttribute"],
    ["missing != ''", false, "missingAttribute"],
    ["missing = missing", false, "missingAttribute"],
    ["'é' = 'e\u0301'", false],
  ]);
});

describe("evaluateSql() combines", () => {
  answers("NOT", [
    ["NOT yes", false],
    ["NOT 'False'", true],
    ["NOT 10", false],
    ["NOT 0", true],
    ["NOT type", false, "cast"],
    ["NOT missing", false, "missingAttribute"],
  ]);
  answers("AND, OR and XOR", [
    ["yes AND yes", true],
    ["yes AND no", false],
    ["no AND yes", false],
    ["no OR yes", true],
    ["yes OR no", true],
    ["no OR no", false],
    ["yes XOR no", true],
    ["no XOR yes", true],
    ["yes XOR yes", false],
    ["no XOR no", false],
    ["'TRUE' AND 1", true],
    ["yes AND type", false, "cast"],
    ["type OR yes", false, "cast"],
  ]);
  answers("what cannot matter is not evaluated", [
    ["no AND missing", false],
    ["no AND 1 / 0", false],
    ["yes OR missing", true],
    ["yes OR NOSUCH(1)", true],
    ["yes OR missing AND 1 / 0", true],
    ["yes AND missing", false, "missingAttribute"],
    ["no OR missing", false, "missingAttribute"],
    ["missing AND no", false, "missingAttribute"],
    ["missing OR yes", false, "missingAttribute"],
    ["yes XOR missing", false, "missingAttribute"],
    ["no XOR 1 / 0", false, "math"],
    ["EXISTS missing AND missing = 'x'", false],
    ["NOT EXISTS missing OR missing = 'x'", true],
  ]);

  it("gives the other answer to NOT (x), and to no expression that fails", () => {
    let compared = 0;
    fc.assert(
      fc.property(expression, attributes, (text, event) => {
        const plain = evaluateSql(sqlOf(text), event);
        const negated = evaluateSql(sqlOf(`NOT (${text})`), event);
        if (plain.error !== null) expect(negated).toEqual({ value: false, error: plain.error });
        else if (typeof plain.value === "boolean") {
          compared += 1;
          expect(negated).toEqual({ value: !plain.value, error: null });
          expect(sqlHolds(sqlOf(text), event)).not.toBe(sqlHolds(sqlOf(`NOT (${text})`), event));
        }
      }),
      { numRuns: 2_000 },
    );
    expect(compared).toBeGreaterThan(200);
  });

  it("gives != where = is not, NOT IN where IN is not, and the same errors", () => {
    fc.assert(
      fc.property(expression, expression, attributes, (left, right, event) => {
        const [is, isNot] = [`(${left}) = (${right})`, `(${left}) != (${right})`].map((text) =>
          evaluateSql(sqlOf(text), event),
        );
        const [isIn, isNotIn] = [`(${left}) IN (${right})`, `(${left}) NOT IN (${right})`].map((text) =>
          evaluateSql(sqlOf(text), event),
        );
        expect(isNot).toEqual(is?.error === null ? { value: is.value === false, error: null } : is);
        expect(isNotIn).toEqual(isIn?.error === null ? { value: isIn.value === false, error: null } : isIn);
      }),
    );
  });

  it("passes an event if and only if the value is true without an error, and never throws", () => {
    fc.assert(
      fc.property(expression, attributes, (text, event) => {
        const { value, error } = evaluateSql(sqlOf(text), event);
        expect(sqlHolds(sqlOf(text), event)).toBe(value === true && error === null);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("evaluateSql() finds in lists and by patterns", () => {
  answers("IN, as the type on the left", [
    ["type IN ('x', 'order.created')", true],
    ["type IN ('x')", false],
    ["type NOT IN ('x')", true],
    ["seven IN ('007')", true],
    ["text IN (007)", true],
    ["text IN ('007')", false],
    ["TRUE IN ('TRUE', 'x')", true],
    ["'TRUE' IN (TRUE)", false],
    ["source IN (id, source)", true],
    ["seven IN (3 + 4)", true],
    ["1 IN (yes)", true],
    ["seven IN ('x', 7)", false, "cast"],
    ["seven NOT IN ('x')", false, "cast"],
    // What is equal ends the search.
    ["seven IN (7, 'x')", true],
    ["seven IN (7, missing)", true],
    ["seven IN (8, missing)", false, "missingAttribute"],
    ["missing IN ('x')", false, "missingAttribute"],
    ["missing NOT IN ('x')", false, "missingAttribute"],
  ]);
  answers("LIKE, as Strings", [
    ["subject LIKE 'eu/%'", true],
    ["subject LIKE 'us/%'", false],
    ["subject NOT LIKE 'us/%'", true],
    ["subject LIKE 'eu/__'", true],
    ["subject LIKE 'EU/%'", false],
    ["emoji LIKE 'a_b'", true],
    ["2344 LIKE '23%'", true],
    ["yes LIKE 'tr__'", true],
    ["'a_b' LIKE 'a\\_b'", true],
    ["'axb' LIKE 'a\\_b'", false],
    ["'50%' LIKE \"%\\%\"", true],
    ["\"it's\" LIKE 'it\\'s'", true],
    ["missing LIKE '%'", false, "missingAttribute"],
    ["missing NOT LIKE '%'", false, "missingAttribute"],
  ]);
});

describe("evaluateSql() calls functions (§3.5)", () => {
  answers("LENGTH", [
    ["LENGTH('abc')", 3],
    ["LENGTH('')", 0],
    ["LENGTH(emoji)", 3],
    ["LENGTH(TRUE)", 4],
    ["LENGTH(-7)", 2],
    ["LENGTH(missing)", 0, "missingAttribute"],
  ]);
  answers("CONCAT and CONCAT_WS", [
    ["CONCAT()", ""],
    ["CONCAT('a', 1, TRUE)", "a1true"],
    ["CONCAT('a', missing)", "", "missingAttribute"],
    ["CONCAT_WS('-')", ""],
    ["CONCAT_WS('-', 'a')", "a"],
    ["CONCAT_WS('-', 'a', '', 'b')", "a--b"],
    ["CONCAT_WS(0, 1, 2)", "102"],
    ["CONCAT_WS()", false, "missingFunction"],
  ]);
  answers("LOWER, UPPER and TRIM", [
    ["LOWER('ÀB')", "àb"],
    ["UPPER('àb')", "ÀB"],
    ["UPPER('ß')", "SS"],
    ["UPPER(TRUE)", "TRUE"],
    ["TRIM('  a b\t\n')", "a b"],
    ["TRIM('\u0085\u00a0\u2003\u3000a\u2028')", "a"],
    ["TRIM('\ufeffa\u200b\u0000')", "\ufeffa\u200b\u0000"],
    ["TRIM('   ')", ""],
    ["TRIM('')", ""],
    ["LOWER(missing)", "", "missingAttribute"],
  ]);
  answers("LEFT and RIGHT", [
    ["LEFT('abc', 2)", "ab"],
    ["LEFT('abc', 3)", "abc"],
    ["LEFT('abc', 4)", "abc"],
    ["LEFT('abc', 0)", ""],
    ["LEFT('abc', 2147483647)", "abc"],
    ["LEFT('abc', -1)", "abc", "functionEvaluation"],
    ["LEFT(emoji, 2)", "a😀"],
    ["LEFT('abc', '1')", "a"],
    ["LEFT('abc', 'x')", "", "cast"],
    ["LEFT(missing, 'x')", "", "missingAttribute"],
    ["LEFT('abc', missing)", "", "missingAttribute"],
    ["RIGHT('abc', 2)", "bc"],
    ["RIGHT('abc', 3)", "abc"],
    ["RIGHT('abc', 4)", "abc"],
    ["RIGHT('abc', 0)", ""],
    ["RIGHT('abc', 2147483647)", "abc"],
    ["RIGHT('abc', -2147483648)", "abc", "functionEvaluation"],
    ["RIGHT(emoji, 2)", "😀b"],
    // Within another operator the value of what failed is lost.
    ["CONCAT(LEFT('abc', -1), 'd')", "", "functionEvaluation"],
    ["LEFT('abc', -1) = 'abc'", false, "functionEvaluation"],
    ["LEFT('abc', -1) LIKE 'a%'", false, "functionEvaluation"],
    ["LEFT('abc', -1) IN ('abc')", false, "functionEvaluation"],
    ["'abc' IN (LEFT('abc', -1))", false, "functionEvaluation"],
    ["LEFT('true', -1) AND yes", false, "functionEvaluation"],
    ["NOT LEFT('false', -1)", false, "functionEvaluation"],
    ["-LEFT('7', -1)", 0, "functionEvaluation"],
    ["LEFT('7', -1) < 8", false, "functionEvaluation"],
    ["LEFT('7', -1) + 1", 0, "functionEvaluation"],
    ["LENGTH(LEFT('7', -1))", 0, "functionEvaluation"],
  ]);
  answers("SUBSTRING", [
    ["SUBSTRING('abcdef', 1)", "abcdef"],
    ["SUBSTRING('abcdef', 6)", "f"],
    ["SUBSTRING('abcdef', 7)", "", "functionEvaluation"],
    ["SUBSTRING('abcdef', -6)", "abcdef"],
    ["SUBSTRING('abcdef', -7)", "", "functionEvaluation"],
    ["SUBSTRING('abcdef', -2147483648)", "", "functionEvaluation"],
    ["SUBSTRING('abcdef', 0)", ""],
    ["SUBSTRING('', 0)", ""],
    ["SUBSTRING('', 1)", "", "functionEvaluation"],
    ["SUBSTRING(emoji, 2)", "😀b"],
    ["SUBSTRING(emoji, -2, 1)", "😀"],
    ["SUBSTRING('abcdef', 2, 3)", "bcd"],
    ["SUBSTRING('abcdef', -3, 2)", "de"],
    ["SUBSTRING('abcdef', 2, 0)", ""],
    ["SUBSTRING('abcdef', 2, 2147483647)", "bcdef"],
    ["SUBSTRING('abcdef', 2, -1)", "", "functionEvaluation"],
    ["SUBSTRING('abcdef', 0, 3)", ""],
    ["SUBSTRING('abcdef', 7, 3)", "", "functionEvaluation"],
    ["SUBSTRING('abcdef')", false, "missingFunction"],
    ["SUBSTRING('abcdef', 1, 2, 3)", false, "missingFunction"],
  ]);
  answers("ABS", [
    ["ABS(-7)", 7],
    ["ABS('7')", 7],
    ["ABS(0)", 0],
    ["ABS(-2147483647)", 2_147_483_647],
    ["ABS(-2147483648)", 2_147_483_647, "math"],
    ["ABS(-2147483648) > 0", false, "math"],
  ]);
  answers("what there is not", [
    ["NOSUCH()", false, "missingFunction"],
    ["NOSUCH(missing)", false, "missingFunction"],
    ["NOSUCH(1) + 1", 0, "missingFunction"],
    ["LENGTH()", false, "missingFunction"],
    ["LENGTH('a', 'b')", false, "missingFunction"],
    ["ABS()", false, "missingFunction"],
    ["CONSTRUCTOR('a')", false, "missingFunction"],
  ]);

  it("cuts texts where their characters are", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "é", "日", "😀") });
    fc.assert(
      fc.property(text, fc.integer({ min: -12, max: 12 }), fc.integer({ min: 0, max: 12 }), (x, position, count) => {
        const characters = Array.from(x);
        const valueOf = (call: string) => evaluateSql(sqlOf(call), { x });
        expect(valueOf("LENGTH(x)").value).toBe(characters.length);
        expect(valueOf(`LEFT(x, ${count})`).value).toBe(characters.slice(0, count).join(""));
        expect(valueOf(`RIGHT(x, ${count})`).value).toBe(count === 0 ? "" : characters.slice(-count).join(""));
        const start = position > 0 ? position - 1 : characters.length + position;
        const isOutside = Math.abs(position) > characters.length;
        const cut = position === 0 || isOutside ? "" : characters.slice(start, start + count).join("");
        expect(valueOf(`SUBSTRING(x, ${position}, ${count})`)).toEqual({
          value: cut,
          error: isOutside ? "functionEvaluation" : null,
        });
      }),
    );
  });
});

describe("a string of an expression", () => {
  const quarter = "x".repeat(SQL_STRING_CHARS_MAX / 4);
  const tooLong = { value: "", error: "functionEvaluation" };

  it("has SQL_STRING_CHARS_MAX code units and not one more", () => {
    const exact = (chars: number) => evaluateSql(sqlOf("CONCAT(a, a, a, b)"), { a: quarter, b: "y".repeat(chars) });
    const rest = SQL_STRING_CHARS_MAX - 3 * quarter.length;
    expect(exact(rest)).toEqual({ value: quarter.repeat(3) + "y".repeat(rest), error: null });
    expect(exact(rest + 1)).toEqual(tooLong);
  });

  it("counts the separators of CONCAT_WS", () => {
    const joined = (chars: number) =>
      evaluateSql(sqlOf("CONCAT_WS(a, '', b, '')"), { a: quarter, b: "y".repeat(chars) });
    const rest = SQL_STRING_CHARS_MAX - 2 * quarter.length;
    expect(joined(rest).error).toBeNull();
    expect(joined(rest + 1)).toEqual(tooLong);
  });

  it("fails when UPPER makes it too long", () => {
    const upper = (chars: number) => evaluateSql(sqlOf("UPPER(CONCAT(a, a))"), { a: "ß".repeat(chars) });
    expect(upper(SQL_STRING_CHARS_MAX / 4).error).toBeNull();
    expect(upper(SQL_STRING_CHARS_MAX / 4 + 1)).toEqual(tooLong);
  });

  it("fails at the first that is too long, however deep they nest and however many there are", () => {
    const a = "x".repeat(4_096);
    const nested = "CONCAT(a,".repeat(60) + "a" + ",a)".repeat(60);
    expect(evaluateSql(sqlOf(nested), { a })).toEqual(tooLong);
    const wide = `CONCAT(${"a,".repeat(900)}a)`;
    expect(wide.length).toBeLessThan(SQL_CHARS_MAX);
    expect(evaluateSql(sqlOf(wide), { a })).toEqual(tooLong);
    expect(evaluateSql(sqlOf(`${wide} = 'x' OR TRUE`), { a })).toEqual({ value: false, error: "functionEvaluation" });
  });
});
