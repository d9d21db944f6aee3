// Base64: held against Node's own encoder; every text that is not the one encoding of its bytes is refused.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { decodeBase64, encodeBase64 } from "../../src/core/base64.ts";

it("encodeBase64() gives the vectors of RFC 4648 §10", () => {
  const vectors = {
    "": "",
    f: "Zg==",
    fo: "Zm8=",
    foo: "Zm9v",
    foob: "Zm9vYg==",
    fooba: "Zm9vYmE=",
    foobar: "Zm9vYmFy",
  };
  for (const [plain, text] of Object.entries(vectors)) {
    expect(encodeBase64(new TextEncoder().encode(plain))).toBe(text);
    expect(new TextDecoder().decode(decodeBase64(text) ?? new Uint8Array([1]))).toBe(plain);
  }
});

it("encodeBase64() agrees with Node and decodeBase64() undoes it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = encodeBase64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString("base64"));
      expect(decodeBase64(text)).toEqual(new Uint8Array(bytes));
    }),
  );
});

it("encodeBase64() respects the offset of a view", () => {
  expect(encodeBase64(new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 3))).toBe("AgM=");
});

it("decodeBase64() takes a text only if encoding gives that text again", () => {
  const characters = fc.constantFrom(..."A,Q,g,w,Z,+,/,-,_,=, ,\n,\u0000,é,😀".split(","));
  fc.assert(
    fc.property(fc.string({ unit: characters, maxLength: 9 }), (text) => {
      const bytes = decodeBase64(text);
      const canonical = Buffer.from(text, "base64").toString("base64") === text;
      expect(bytes === null ? null : encodeBase64(bytes)).toBe(canonical ? text : null);
    }),
    { numRuns: 2_000 },
  );
});

it("decodeBase64() refuses what is not strict base64", () => {
  const refused = [
    ["no padding", "Zg"],
    ["half the padding", "Zg="],
    ["padding alone", "===="],
    ["padding alone, short", "=="],
    ["too much padding", "Z==="],
    ["padding in the middle", "Zg==Zg=="],
    ["one digit left over", "Zm9vZ"],
    ["white space", "Zm9v\n"],
    ["white space inside", "Zm 9v==="],
    ["the URL-safe alphabet", "-_-_"],
    ["bits behind the last byte, one pad", "Zm9="],
    ["bits behind the last byte, two pads", "Zh=="],
    ["a character that looks right modulo 128", "\u00c1AAA"],
    ["a character over U+FFFF", "😀AA"],
  ] as const;
  for (const [why, text] of refused) expect(decodeBase64(text), why).toBeNull();
});

it("decodeBase64() takes 4 MiB without a stack overflow", () => {
  const bytes = new Uint8Array(3 * 1_048_576).fill(0xa5);
  expect(decodeBase64(encodeBase64(bytes))?.length).toBe(bytes.length);
});
