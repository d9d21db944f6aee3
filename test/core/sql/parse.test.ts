import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SQL_CHARS_MAX, SQL_DEPTH_MAX, SQL_NODES_MAX } from "../../../src/core/limits.ts";
import { evaluateSql } from "../../../src/core/sql/evaluate.ts";
import { parseSql } from "../../../src/core/sql/parse.ts";
import { expression, sqlOf } from "./expressions.ts";

/** `12: must …`, or null when the text is an expression. */
function faultOf(text: string): string | null {
  const result = parseSql(text);
  return result.ok ? null : `${result.error.position}: ${result.error.detail}`;
}

const valueOf = (text: string) => evaluateSql(sqlOf(text), { a: 1, b: "x", "1a": "digit first" });

describe("parseSql() refuses what is no expression, and says where and what was expected", () => {
  it.each([
    ["", "0: must have an expression here, not the end"],
    [" \t\r\n", "4: must have an expression here, not the end"],
    ["a = ", "4: must have an expression here, not the end"],
    ["a = = 1", "4: must have an expression here, not ="],
    ["OR a", "0: must have an expression here, not OR"],
    ["a And or b", "6: must have an expression here, not or"],
    ["1 2", "2: must have an operator or the end here, not 2"],
    ["a b", "2: must have an operator or the end here, not b"],
    ["'it''s'", "4: must have an operator or the end here, not a string"],
    ["a)", "1: must have an operator or the end here, not )"],
    ["(a", "2: must have an operator or ) here, not the end"],
    ["()", "1: must have an expression here, not )"],
    ["(a,b)", "2: must have an operator or ) here, not ,"],
    ["f(,1)", "2: must have an expression here, not ,"],
    ["f(1,)", "4: must have an expression here, not )"],
    ["ABC(", "4: must have an expression here, not the end"],
    ["ABC('a'", "7: must have an operator, a comma or ) here, not the end"],
    ["a LIKE b", "7: must have a string after LIKE here, not b"],
    ["a LIKE 123", "7: must have a string after LIKE here, not 123"],
    ["a LIKE ('b')", "7: must have a string after LIKE here, not ("],
    ["a NOT = 1", "6: must have LIKE or IN after NOT here, not ="],
    ["a NOT 1", "6: must have LIKE or IN after NOT here, not 1"],
    ["a IN 1", "5: must have ( after IN here, not 1"],
    ["a IN ()", "6: must have an expression here, not )"],
    ["IN (1)", "0: must have an expression here, not IN"],
    ["EXISTS 1", "7: must have an attribute after EXISTS here, not 1"],
    ["EXISTS 'a'", "7: must have an attribute after EXISTS here, not a string"],
    ["EXISTS (a)", "7: must have an attribute after EXISTS here, not ("],
    ["EXISTS true", "7: must have an attribute after EXISTS here, not true"],
    ["NOT", "3: must have an expression here, not the end"],
    ["-", "1: must have an expression here, not the end"],
    ["+a", "0: must have an expression here, not +"],
    ["+ 5", "0: must have an expression here, not +"],
    ["TRUE(1)", "4: must have an operator or the end here, not ("],
    ["1.5", '1: must not have "." here'],
    ["a..b", '1: must not have "." here'],
    ["!a", '0: must not have "!" here'],
    ["a && b", '2: must not have "&" here'],
    ["a ? b : c", '2: must not have "?" here'],
    ["a == b", "3: must have an expression here, not ="],
    ["a =\u00a0b", '3: must not have "\u00a0" here'],
    ["a = 😀", '4: must not have "😀" here'],
    ["ä = 1", '0: must not have "ä" here'],
    ["a; b", '1: must not have ";" here'],
    ["a -- b", null],
    ["'abc", "0: must close the string that begins with ' here"],
    ["a = \"abc'", '4: must close the string that begins with " here'],
    ["'abc\\'", "0: must close the string that begins with ' here"],
    ["a_b = 1", "0: must name attributes with a-z and 0-9 only"],
    ["EXISTS a_b", "7: must name attributes with a-z and 0-9 only"],
    ["a1(2)", "0: must name functions with letters and _ only"],
    ["_f(2)", "0: must name functions with letters and _ only"],
    ["1(2)", "1: must have an operator or the end here, not ("],
    ["data = 1", "0: must name attributes, which data is not"],
    ["a = 1 AND EXISTS DATA", "17: must name attributes, which data is not"],
    ["a = 2147483648", "4: must have integers from -2147483648 to 2147483647"],
    ["a = -2147483649", "4: must have integers from -2147483648 to 2147483647"],
    ["- 2147483648", "2: must have integers from -2147483648 to 2147483647"],
    [`a = ${"9".repeat(400)}`, "4: must have integers from -2147483648 to 2147483647"],
    [`a ${"b".repeat(101)}`, "2: must have an operator or the end here, not a word of 101 characters"],
    ["a = '\ud800'", "5: must not hold lone surrogates"],
  ])("%j", (text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });
});

describe("parseSql() binds", () => {
  it.each<[string, string | number | boolean]>([
    // NOT and minus tighter than LIKE and IN, these tighter than all else.
    ["NOT 'false' LIKE 'true'", true],
    ["NOT b = 'false'", false],
    ["-1 IN (1)", false],
    ["- 1 LIKE '-_'", true],
    ["2 * 3 IN (3)", 2],
    ["1 + 'x' LIKE 'x'", 2],
    ["'x' LIKE 'x' IN (true) LIKE 't%'", true],
    ["NOT NOT EXISTS a", true],
    ["- -1", 1],
    ["--1", 1],
    ["-a", -1],
    // * / % tighter than + -, these tighter than comparisons, these tighter than AND OR XOR.
    ["2 + 3 * 4 - 6 / 2", 11],
    ["10 - 3 - 2", 5],
    ["100 / 10 / 5", 2],
    ["100 / 10 * 5", 50],
    ["7 % 4 * 2", 6],
    ["1 + 1 = 2 AND 2 < 3", true],
    ["3 > 2 > 1", false],
    ["2 = 2 = true", true],
    ["1-1", 0],
    ["1 -1", 0],
    ["4+-1", 3],
    ["4 ++1", 5],
    // AND, OR and XOR alike; all that follows one is its right operand.
    ["true OR true AND false", true],
    ["false AND false OR true", false],
    ["(false AND false) OR true", true],
    ["true OR true XOR true", true],
    // Names and keywords in any case, names that begin like keywords or with digits.
    ["A = 1 aNd Exists B", true],
    ["1a = 'digit first'", true],
    ["EXISTS order OR EXISTS inner OR EXISTS nothing", false],
    ["007", 7],
    ["-0", 0],
    ["length('ab')", 2],
    ["Concat_Ws ( '-' , 'a' , 'b' )", "a-b"],
    ["\n(\t1\r)\n", 1],
  ])("%j", (text, value) => {
    const answer = valueOf(text);
    // Between evaluations that fail: the shape alone is looked at.
    expect(answer.value).toBe(value);
  });
});

describe("parseSql() reads strings", () => {
  it.each([
    ["'a\"b\\'c'", "a\"b'c"],
    ['"a\'b\\"c"', "a'b\"c"],
    ["''", ""],
    ["'\\n'", "\\n"],
    ["'\\\"'", '\\"'],
    ["'\\\\'", "\\\\"],
    ["'\\\\\\''", "\\\\'"],
    ["'line\nbreak 日本 😀'", "line\nbreak 日本 😀"],
  ])("%j", (text, value) => {
    expect(valueOf(text)).toEqual({ value, error: null });
  });
});

describe("parseSql() is bounded", () => {
  const padded = (length: number): string => `'${"x".repeat(length - 2)}'`;

  it("takes SQL_CHARS_MAX characters and not one more", () => {
    expect(faultOf(padded(SQL_CHARS_MAX))).toBeNull();
    expect(faultOf(padded(SQL_CHARS_MAX + 1))).toBe("4096: must have at most 4096 characters");
  });

  it.each([
    ["parentheses", (levels: number) => "(".repeat(levels) + "1" + ")".repeat(levels), 1],
    ["NOT", (levels: number) => `${"NOT ".repeat(levels)}true`, 4],
    ["minus", (levels: number) => `${"- ".repeat(levels)}a`, 2],
    ["calls", (levels: number) => "ABS(".repeat(levels) + "1" + ")".repeat(levels), 4],
    ["lists of IN", (levels: number) => "1 IN (".repeat(levels) + "1" + ")".repeat(levels), 6],
  ])("takes SQL_DEPTH_MAX levels of %s and not one more", (_, nest, chars) => {
    expect(faultOf(nest(SQL_DEPTH_MAX))).toBeNull();
    expect(valueOf(nest(SQL_DEPTH_MAX)).error).toBeNull();
    const fault = faultOf(nest(SQL_DEPTH_MAX + 1));
    expect(fault).toBe(`${chars * (SQL_DEPTH_MAX + 1)}: must nest at most 64 levels of parentheses, NOT and minus`);
  });

  it("gives levels back when they are closed", () => {
    const nested = "(".repeat(SQL_DEPTH_MAX) + "1" + ")".repeat(SQL_DEPTH_MAX);
    expect(faultOf(Array.from({ length: 20 }, () => nested).join(" = "))).toBeNull();
  });

  // One node for each operand, one for each operator, and one for NOT.
  it.each([
    ["+", "1"],
    ["=", "1"],
    [" OR ", "0"],
    [" AND ", "1"],
  ])("takes SQL_NODES_MAX nodes in a chain of %j, and not one more", (operator, operand) => {
    const chain = Array.from({ length: SQL_NODES_MAX / 2 }, () => operand).join(operator);
    expect(faultOf(`NOT ${chain}`)).toBeNull();
    expect(valueOf(`NOT ${chain}`).error).toBeNull();
    expect(faultOf(`NOT NOT ${chain}`)).toMatch(
      /^\d+: must have at most 1000 literals, attributes, operators and calls$/,
    );
  });

  it("counts the elements of a list, the arguments of a call, and LIKE", () => {
    const list = (length: number): string => Array.from({ length }, () => "1").join(",");
    expect(faultOf(`a IN (${list(SQL_NODES_MAX - 2)})`)).toBeNull();
    expect(faultOf(`a IN (${list(SQL_NODES_MAX - 1)})`)).toMatch(/1000 literals/);
    expect(faultOf(`CONCAT(${list(SQL_NODES_MAX - 1)})`)).toBeNull();
    expect(faultOf(`CONCAT(${list(SQL_NODES_MAX)})`)).toMatch(/1000 literals/);
    expect(faultOf(`CONCAT(a LIKE '1',${list(SQL_NODES_MAX - 3)})`)).toBeNull();
    expect(faultOf(`CONCAT(a LIKE '1',${list(SQL_NODES_MAX - 2)})`)).toMatch(/1000 literals/);
  });

  it.each([
    "(",
    "NOT ",
    "-",
    "- ",
    "ABS(",
    "a IN(",
    "((((-",
    "not-",
    "1-",
    "a AND ",
    "a OR NOT ",
    "'",
    '"\\',
    "a LIKE'x'",
    "EXISTS ",
  ])("survives SQL_CHARS_MAX characters of %j", (part) => {
    for (const end of ["", "1"]) {
      const text = part.repeat(SQL_CHARS_MAX).slice(0, SQL_CHARS_MAX - end.length) + end;
      const result = parseSql(text);
      if (result.ok) expect(() => evaluateSql(result.value, {})).not.toThrow();
      else expect(result.error.position).toBeLessThanOrEqual(text.length);
    }
  });
});

describe("parseSql() on anything", () => {
  const parts =
    "a b type 1 -1 +2 2147483648 'x' \"y\" ' \" \\ ( ) , AND OR XOR NOT LIKE IN EXISTS TRUE FALSE + - * / % = != <> < > <= >= ! . LENGTH( CONCAT( a_b data 😀 \ud800".split(
      " ",
    );
  const soup = fc.array(fc.constantFrom(...parts), { maxLength: 30 }).map((tokens) => tokens.join(" "));
  const glued = fc.array(fc.constantFrom(...parts), { maxLength: 30 }).map((tokens) => tokens.join(""));

  it("answers with an expression or with words and a position within the text", () => {
    fc.assert(
      fc.property(fc.oneof(soup, glued, fc.string(), fc.string({ unit: "binary" })), (text) => {
        const result = parseSql(text);
        if (result.ok) return;
        expect(Number.isInteger(result.error.position)).toBe(true);
        expect(result.error.position).toBeGreaterThanOrEqual(0);
        expect(result.error.position).toBeLessThanOrEqual(text.length);
        expect(result.error.detail).toMatch(/^must /);
      }),
      { numRuns: 1_500 },
    );
  });

  it("takes every expression with parentheses around it, and means the same", () => {
    fc.assert(
      fc.property(expression, (text) => {
        expect(parseSql(`(${text})`)).toEqual(parseSql(text));
      }),
    );
  });
});
