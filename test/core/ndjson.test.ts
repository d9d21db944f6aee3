// Lines out of bytes: the same lines however the bytes are cut, and not one byte or line over the limits.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { lineSplitter } from "../../src/core/ndjson.ts";

const LIMITS = { lineBytesMax: 1_000, linesMax: 1_000 };
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** The lines of the pieces, a number and a text each; a fault ends them. */
function linesOf(pieces: readonly Uint8Array[], limits = LIMITS): (readonly [number, string])[] {
  const splitter = lineSplitter(limits);
  const lines: (readonly [number, string])[] = [];
  const drain = (): boolean => {
    for (let line = splitter.next(); line !== null; line = splitter.next()) {
      lines.push([line.number, line.kind === "line" ? decoder.decode(line.bytes) : line.kind]);
      if (line.kind !== "line") return false;
    }
    return true;
  };
  for (const piece of pieces) {
    splitter.push(piece);
    if (!drain()) return lines;
  }
  splitter.end();
  if (drain()) lines.push([splitter.number, "end"]);
  return lines;
}

const linesOfText = (text: string, limits = LIMITS) => linesOf([encoder.encode(text)], limits);

it("blank lines are passed over and counted; the last line needs no line feed", () => {
  for (const [text, lines] of [
    ["", [[1, "end"]]],
    [
      "a",
      [
        [1, "a"],
        [2, "end"],
      ],
    ],
    [
      "a\n",
      [
        [1, "a"],
        [2, "end"],
      ],
    ],
    [
      "a\nb",
      [
        [1, "a"],
        [2, "b"],
        [3, "end"],
      ],
    ],
    [
      "\n\na\n\n",
      [
        [3, "a"],
        [5, "end"],
      ],
    ],
    [
      "a\r\nb\r\n",
      [
        [1, "a\r"],
        [2, "b\r"],
        [3, "end"],
      ],
    ],
    [
      "\r\n \t\r\na",
      [
        [3, "a"],
        [4, "end"],
      ],
    ],
    ["\n", [[2, "end"]]],
    ["  ", [[2, "end"]]],
    [
      "\ufeffa\n",
      [
        [1, "\ufeffa"],
        [2, "end"],
      ],
    ],
    [
      "\ufeff\na",
      [
        [2, "a"],
        [3, "end"],
      ],
    ],
    ["\ufeff", [[2, "end"]]],
    [
      "a\n\ufeff\nb",
      [
        [1, "a"],
        [2, "\ufeff"],
        [3, "b"],
        [4, "end"],
      ],
    ],
    [
      "a\u2028b\u0085c\rd\v\f",
      [
        [1, "a\u2028b\u0085c\rd\v\f"],
        [2, "end"],
      ],
    ],
    [
      "\0\n\u00a0",
      [
        [1, "\0"],
        [2, "\u00a0"],
        [3, "end"],
      ],
    ],
  ] as const)
    expect(linesOfText(text), JSON.stringify(text)).toEqual(lines);
});

it("a line may have as many bytes as the limit says, and no more, ended or not", () => {
  for (const feed of ["", "\n", "\nb"]) {
    const after =
      feed === "\nb"
        ? [
            [2, "b"],
            [3, "end"],
          ]
        : [[2, "end"]];
    expect(linesOfText(`${"a".repeat(1_000)}${feed}`)).toEqual([[1, "a".repeat(1_000)], ...after]);
    expect(linesOfText(`${"a".repeat(1_001)}${feed}`)).toEqual([[1, "too-long"]]);
    expect(linesOfText(`x\n${"漢".repeat(334)}${feed}`)).toEqual([
      [1, "x"],
      [2, "too-long"],
    ]);
  }
  expect(linesOfText(" ".repeat(1_001))).toEqual([[1, "too-long"]]);
});

it("there may be as many lines as the limit says, blank ones counted, and no more", () => {
  const limits = { lineBytesMax: 10, linesMax: 3 };
  expect(linesOfText("a\n\nc\n", limits)).toEqual([
    [1, "a"],
    [3, "c"],
    [4, "end"],
  ]);
  expect(linesOfText("a\n\nc\nd", limits)).toEqual([
    [1, "a"],
    [3, "c"],
    [4, "too-many"],
  ]);
  expect(linesOfText("a\n\n\n\n", limits)).toEqual([
    [1, "a"],
    [4, "too-many"],
  ]);
});

it("a line that is too long is known before it ends, and nothing more is kept of it", () => {
  const splitter = lineSplitter(LIMITS);
  splitter.push(new Uint8Array(1_000).fill(97));
  expect(splitter.next()).toBe(null);
  for (let times = 0; times < 3; times++) {
    splitter.push(new Uint8Array([97]));
    expect(splitter.next()).toEqual({ kind: "too-long", number: 1 });
  }
});

it("what was given as a line does not change when more comes", () => {
  const splitter = lineSplitter(LIMITS);
  splitter.push(encoder.encode("ab"));
  splitter.next();
  splitter.push(encoder.encode("c\nde"));
  const line = splitter.next();
  splitter.next();
  splitter.push(encoder.encode("f\n"));
  splitter.next();
  expect(line?.kind === "line" && decoder.decode(line.bytes)).toBe("abc");
});

it("any cut of the bytes gives the same lines", () => {
  const byte = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(10, 13, 32, 9, 0xef, 0xbb, 0xbf, 97, 0xe6) },
    { weight: 1, arbitrary: fc.nat({ max: 255 }) },
  );
  const bytes = fc.array(byte, { maxLength: 60 }).map((all) => Uint8Array.from(all));
  const limits = fc.record({ lineBytesMax: fc.nat({ max: 12 }), linesMax: fc.nat({ max: 12 }) });
  fc.assert(
    fc.property(bytes, fc.array(fc.nat({ max: 10 }), { maxLength: 40 }), limits, (all, sizes, some) => {
      const pieces: Uint8Array[] = [];
      let at = 0;
      for (const size of sizes) pieces.push(all.slice(at, (at += size)));
      pieces.push(all.slice(at));
      expect(linesOf(pieces, some)).toEqual(linesOf([all], some));
    }),
    { numRuns: 2_000 },
  );
});
