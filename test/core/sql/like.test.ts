import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SQL_CHARS_MAX, SQL_STRING_CHARS_MAX } from "../../../src/core/limits.ts";
import { anchorOf, type Characters, compileLike, matchesLike } from "../../../src/core/sql/like.ts";

const likes = (value: string, pattern: string): boolean => matchesLike(value, compileLike(pattern));

describe("matchesLike()", () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ["", [""], ["a", " "]],
    ["abc", ["abc"], ["ab", "abcd", "xabc", "ABC", "", "aabc"]],
    ["%", ["", "a", "😀", "a\nb"], []],
    ["%%", ["", "a"], []],
    ["a%", ["a", "ab", "a%"], ["", "ba"]],
    ["%a", ["a", "ba", "aa"], ["", "ab"]],
    ["%a%", ["a", "bab", "aa"], ["", "b"]],
    ["a%a", ["aa", "aba", "aaa"], ["a", "ab", "ba"]],
    ["ab%bc", ["abbc", "abxbc"], ["abc"]],
    ["a%b%c", ["abc", "azbc", "azzzbzzzc", "a%b%c"], ["ac", "acb", "bac"]],
    ["%ab%ab%", ["abab", "xabyabz"], ["ab", "aba", "abba"]],
    ["%ab%ab", ["abab", "ababab"], ["ab", "bab"]],
    [".%.%.", ["...", ".ab.cde."], ["ab.cde", ".."]],
    ["_", ["a", "é", "日", "😀", "_", "\n"], ["", "ab", "a\u0301"]],
    ["__", ["ab", "😀😀", "a😀"], ["😀", "a", "abc"]],
    ["_%", ["a", "😀", "ab"], [""]],
    ["%_", ["a", "😀", "ab"], [""]],
    ["%_%", ["a", "😀"], [""]],
    ["%_%_%", ["ab", "😀😀"], ["😀", "a", ""]],
    ["_%_", ["ab", "😀b", "a😀"], ["😀", "a"]],
    ["%__", ["ab", "x😀"], ["😀"]],
    ["%_b%", ["😀b", "ab", "xxab"], ["b", "ba"]],
    ["%\u{1f600}%", ["a😀b"], ["a😁b", "a"]],
    ["_b*", ["ab*"], ["b*", "acd", "abc"]],
    ["abc\\%", ["abc%"], ["abcd", "abc", "abc\\%", "abc\\d"]],
    ["a\\_b", ["a_b"], ["axb", "a\\_b"]],
    ["%\\%", ["%", "10%"], ["", "10"]],
    ["\\", ["\\"], [""]],
    ["ab\\c", ["ab\\c"], ["abc"]],
    ["\\\\%", ["\\%"], ["\\", "\\\\", "\\a", "\\\\%"]],
    ["%\\", ["\\", "a\\"], ["", "a"]],
    ["a.c[d](e)*$^|+?{1}", ["a.c[d](e)*$^|+?{1}"], ["abc[d](e)*$^|+?{1}"]],
  ])("%j", (pattern, yes, no) => {
    expect(yes.filter((value) => !likes(value, pattern))).toEqual([]);
    expect(no.filter((value) => likes(value, pattern))).toEqual([]);
  });

  /** The definition, tried out letter by letter: exponential, and so for short texts only. */
  function byDefinition(value: readonly string[], pattern: readonly string[]): boolean {
    const [first, second] = pattern;
    if (first === undefined) return value.length === 0;
    if (first === "%") {
      return byDefinition(value, pattern.slice(1)) || (value.length > 0 && byDefinition(value.slice(1), pattern));
    }
    const isEscape = first === "\\" && (second === "%" || second === "_");
    const wanted = isEscape ? second : first;
    const isSame = value.length > 0 && (value[0] === wanted || (first === "_" && !isEscape));
    return isSame && byDefinition(value.slice(1), pattern.slice(isEscape ? 2 : 1));
  }

  it("does what the definition says", () => {
    const value = fc.array(fc.constantFrom("a", "b", "😀", "%", "_", "\\"), { maxLength: 8 });
    const pattern = fc.array(fc.constantFrom("a", "b", "😀", "%", "%", "_", "\\"), { maxLength: 8 });
    fc.assert(
      fc.property(value, pattern, (characters, parts) => {
        // Apart, `\` and `%` may become an escape: both sides read the same text.
        const text = parts.join("");
        expect(likes(characters.join(""), text)).toBe(byDefinition(characters, Array.from(text)));
      }),
      { numRuns: 5_000 },
    );
  });

  it("does what the definition says of values made to match", () => {
    const part = fc.constantFrom("a", "ab", "😀", "%", "_");
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 6 }),
        fc.array(fc.constantFrom("", "a", "b", "ba", "😀"), { minLength: 6 }),
        (parts, runs) => {
          const value = parts.map((text, index) => (text === "%" ? runs[index] : text === "_" ? "😀" : text)).join("");
          expect(likes(value, parts.join(""))).toBe(true);
        },
      ),
    );
  });

  it("finds long pieces in long values as it finds short ones", () => {
    // Pieces of up to 100 characters end in every word of 32 and at its edges; what is before them makes the value long.
    const characters = fc.array(fc.constantFrom("a", "a", "a", "b", "😀"), { minLength: 1, maxLength: 100 });
    const places = fc.array(fc.nat(99), { maxLength: 5 });
    fc.assert(
      fc.property(characters, places, fc.constantFrom("a", "ab", "😀", "aab"), (found, wild, filler) => {
        const piece = found.map((character, place) => (wild.includes(place) ? "_" : character)).join("");
        const before = filler.repeat(2_000);
        expect(likes(`${before}${found.join("")}c`, `%${piece}c%`)).toBe(true);
        expect(likes(`${before}${found.join("")}c`, `%${piece}c`)).toBe(true);
        expect(likes(`${before}${found.join("")}`, `%${piece}c%`)).toBe(false);
        expect(likes(`${before}d${found.slice(1).join("")}c`, `%${piece}c%`)).toBe(wild.includes(0));
      }),
    );
  });

  it("finds the leftmost of long pieces", () => {
    const piece = `${"a".repeat(40)}_`;
    expect(likes(`${"a".repeat(2_000)}b`, `%${piece}%${piece}%b`)).toBe(true);
    expect(likes(`${"a".repeat(82)}b${"c".repeat(2_000)}`, `%${piece}%${piece}b%`)).toBe(true);
    expect(likes(`${"a".repeat(81)}b${"c".repeat(2_000)}`, `%${piece}%${piece}b%`)).toBe(false);
  });

  /** How many characters are looked at. */
  function looks(value: string, pattern: string): number {
    let count = 0;
    const counted: Characters = {
      length: value.length,
      codePointAt(index) {
        count += 1;
        return value.codePointAt(index);
      },
    };
    expect(matchesLike(counted, compileLike(pattern))).toBe(likes(value, pattern));
    return count;
  }

  const many = "a".repeat(SQL_STRING_CHARS_MAX);

  it.each([
    ["many %", many, `${"%a".repeat(2_000)}b`],
    ["many % with a middle that is not there", many, `${"%a".repeat(1_000)}%b%`],
    ["many _%", many, `${"_%".repeat(2_000)}b`],
    ["a long piece that nearly matches everywhere", many, `%${"a".repeat(2_000)}b%`],
    ["a long piece of _", many, `%${"_".repeat(4_000)}b%`],
    ["long pieces", many, `${`%${"a".repeat(300)}_`.repeat(10)}b%`],
    ["pairs", "😀".repeat(SQL_STRING_CHARS_MAX / 2), `%${"_".repeat(1_000)}b%`],
    ["pieces that overlap", "ab".repeat(SQL_STRING_CHARS_MAX / 2), `%${"ab%ba%".repeat(600)}c`],
  ])("looks at each character a few times at most: %s", (_, value, pattern) => {
    expect(pattern.length).toBeLessThanOrEqual(SQL_CHARS_MAX);
    // Once where a piece is tried and once where it is looked for, and pieces of a few characters at every place.
    expect(looks(value, pattern)).toBeLessThanOrEqual(4 * value.length + pattern.length);
  });

  it("tries a piece at every place only where that is cheap", () => {
    // 32,768 comparisons, the last value and pattern that are not looked through once.
    expect(looks("a".repeat(512), `%${"a".repeat(63)}b%`)).toBeLessThanOrEqual(32_768);
    expect(looks("a".repeat(513), `%${"a".repeat(63)}b%`)).toBeLessThanOrEqual(513);
  });

  it("costs a prefix, a suffix and a text no more than their own length", () => {
    const value = "a".repeat(4_096);
    expect(looks(value, "aaaa%")).toBe(4);
    // Two looks: there may be a pair.
    expect(looks(value, "%aaaa")).toBe(8);
    expect(looks(value, "aaab%aaaa")).toBe(4);
  });
});

describe("anchorOf()", () => {
  const whole = (text: string) => ({ text, end: "first", isWhole: true });
  const part = (text: string, end: "first" | "last" = "first") => ({ text, end, isWhole: false });
  it.each<[string, ReturnType<typeof whole>]>([
    ["abc", whole("abc")],
    ["", whole("")],
    ["a\\%\\_", whole("a%_")],
    ["a\\b", whole("a\\b")],
    ["😀", whole("😀")],
    ["a%", part("a")],
    ["a_", part("a")],
    ["ab_c%", part("ab")],
    ["a%bc", part("bc", "last")],
    ["ab%c_d", part("ab")],
    ["%", part("")],
    ["_a%", part("")],
    ["_", part("")],
  ])("of %j is what every match has", (pattern, anchor) => {
    expect(anchorOf(compileLike(pattern))).toEqual(anchor);
  });
});
