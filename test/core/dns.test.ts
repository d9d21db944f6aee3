// DNS messages: the question byte by byte, and answers that are whole, cut, circular or about something else.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeAnswer, encodeQuestion } from "../../src/core/dns.ts";
import { DNS_RECORDS_MAX } from "../../src/core/limits.ts";
import { addressRecords, encodeAddress, encodeAnswer, encodeName, encodeRecord, readQuestion } from "../doh.ts";

const question = encodeQuestion("sink.example", "A") ?? expect.fail();
const POINTER_TO_NAME = Buffer.from([0xc0, 12]);
const record = (name: Buffer, type = 1, data = Buffer.from([8, 8, 8, 8])) => encodeRecord(name, type, data);
const decoded = (records: readonly Buffer[], more: Parameters<typeof encodeAnswer>[2] = {}) =>
  decodeAnswer(encodeAnswer(question, records, more), question);
const errorOf = (answer: Uint8Array) => {
  const result = decodeAnswer(answer, question);
  return result.ok ? null : result.error;
};

const label = fc.stringMatching(/^[a-z\d_-]{1,63}$/);
const names = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));

describe("encodeQuestion()", () => {
  it("writes the example of RFC 8484 §4.1.1", () => {
    const dns = "AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB";
    expect(Buffer.from(encodeQuestion("www.example.com", "A") ?? []).toString("base64url")).toBe(dns);
  });

  it("writes what another reader reads", () => {
    fc.assert(
      fc.property(names, fc.constantFrom("A", "AAAA"), (name, type) => {
        fc.pre(name.length <= 253);
        const message = encodeQuestion(name, type) ?? expect.fail();
        expect(readQuestion(Buffer.from(message))).toEqual({ name, type });
      }),
    );
  });

  it("takes labels of 63 bytes and names of 255 bytes, and knows what DNS cannot carry", () => {
    const longest = [63, 63, 63, 61].map((length) => "a".repeat(length)).join(".");
    expect(encodeQuestion("a".repeat(63), "A")).not.toBeNull();
    expect(encodeQuestion("a".repeat(64), "A")).toBeNull();
    expect(encodeQuestion(longest, "A")).toHaveLength(12 + 255 + 4);
    expect(encodeQuestion(`${longest}a`, "A")).toBeNull();
    for (const name of ["", ".", "a..b", ".a", "a."]) expect(encodeQuestion(name, "A"), name).toBeNull();
  });
});

describe("decodeAnswer()", () => {
  it("takes every address of both families, behind aliases too, whoever owns it", () => {
    const addresses = ["93.184.216.34", "10.0.0.1", "2606:4700::1111", "::ffff:10.0.0.1"];
    const records = addressRecords({ aliases: ["edge.cdn.example", "host.example"], addresses });
    const stray = record(encodeName("somebody.else"), 1, encodeAddress("127.0.0.1"));
    const value = ["93.184.216.34", "10.0.0.1", "2606:4700:0:0:0:0:0:1111", "0:0:0:0:0:ffff:a00:1", "127.0.0.1"];
    expect(decoded([...records, stray])).toEqual({ ok: true, value });
  });

  it("passes over records of other types", () => {
    const text = record(POINTER_TO_NAME, 16, Buffer.from("\x04text"));
    const empty = record(POINTER_TO_NAME, 65, Buffer.alloc(0));
    expect(decoded([text, record(POINTER_TO_NAME), empty])).toEqual({ ok: true, value: ["8.8.8.8"] });
  });

  it("finds no address where there is none, the name or the type", () => {
    expect(decoded([])).toEqual({ ok: true, value: [] });
    expect(decoded([], { code: 3 })).toEqual({ ok: true, value: [] });
    expect(decoded(addressRecords({ aliases: ["nowhere.example"] }), { code: 3 })).toEqual({ ok: true, value: [] });
  });

  it("takes an answer in another case, and one with more sections behind", () => {
    const shouted = Buffer.from(question).map((byte: number) => (byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte));
    const answer = encodeAnswer(shouted, [record(POINTER_TO_NAME)]);
    expect(errorOf(answer)).toBeNull();
    answer.writeUInt16BE(9, 8);
    expect(errorOf(Buffer.concat([answer, Buffer.from("authority")]))).toBeNull();
  });

  it("says which response code it got, and refuses what is truncated or no answer", () => {
    for (const code of [1, 2, 4, 5, 15])
      expect(decoded([], { code })).toEqual({ ok: false, error: `its answer has the response code ${code}` });
    expect(decoded([record(POINTER_TO_NAME)], { truncated: true })).toMatchObject({ error: "its answer is truncated" });
    expect(errorOf(question)).toBe("it sent back no answer");
    for (const bytes of ["", "x", "<!doctype html><title>Log in</title>"])
      expect(errorOf(Buffer.from(bytes)), bytes).not.toBeNull();
  });

  it("refuses the answer to another question", () => {
    const others = [
      encodeQuestion("sink.example", "AAAA"),
      encodeQuestion("sinks.example", "A"),
      encodeQuestion("sink.exampl", "A"),
      encodeQuestion("zink.example", "A"),
    ];
    for (const other of others) {
      const answer = encodeAnswer(other ?? expect.fail(), [record(POINTER_TO_NAME)]);
      expect(errorOf(answer)).toBe("it answered another question");
    }
    for (const [offset, value] of [
      [0, 1],
      [2, 0xa800],
      [4, 0],
      [4, 2],
      [4, 257],
    ] as const) {
      const answer = encodeAnswer(question, [record(POINTER_TO_NAME)]);
      answer.writeUInt16BE(value | (offset === 2 ? 0x80 : 0), offset);
      expect(errorOf(answer), String(offset)).toBe("it answered another question");
    }
  });

  it("takes as many records as the limit, not one more", () => {
    const many = Array.from({ length: DNS_RECORDS_MAX }, () => record(POINTER_TO_NAME));
    expect(decoded(many).ok).toBe(true);
    const error = `its answer has more than ${DNS_RECORDS_MAX} records`;
    expect(decoded([...many, record(POINTER_TO_NAME)])).toEqual({ ok: false, error });
    const lying = encodeAnswer(question, many);
    lying.writeUInt16BE(0xffff, 6);
    expect(errorOf(lying)).toBe(error);
  });

  it("refuses names that run in a circle, point ahead or into the header", () => {
    // Where the first record stands: its own name begins there.
    const here = question.length;
    for (const target of [here, here + 1, here + 2, 0x3fff, 0, 11])
      expect(decoded([record(Buffer.from([0xc0 | (target >> 8), target & 0xff]))]), String(target)).toEqual({
        ok: false,
        error: "its answer has a name that points ahead or to itself",
      });
    const behindLabel = Buffer.from([1, 0x61, 0xc0, here]);
    expect(decoded([record(behindLabel)])).toMatchObject({ ok: false });
  });

  it("refuses labels of an unknown kind, and names of more than 255 bytes", () => {
    for (const kind of [0x40, 0x80]) expect(decoded([record(Buffer.from([kind, 0]))])).toMatchObject({ ok: false });
    const name = (labels: number) => encodeName(Array.from({ length: labels }, () => "a").join("."));
    expect(decoded([record(name(127))])).toMatchObject({ ok: true });
    expect(decoded([record(name(128))])).toMatchObject({ error: "its answer has a name of more than 255 bytes" });
  });

  it("refuses addresses of another length", () => {
    for (const [type, length] of [
      [1, 0],
      [1, 3],
      [1, 5],
      [1, 16],
      [28, 4],
      [28, 15],
      [28, 17],
    ] as const)
      expect(decoded([record(POINTER_TO_NAME, type, Buffer.alloc(length))])).toMatchObject({ ok: false });
  });

  it("refuses every answer that is cut short, wherever", () => {
    const answer = encodeAnswer(
      question,
      addressRecords({ aliases: ["a.example"], addresses: ["8.8.8.8", "2606::1"] }),
    );
    expect(errorOf(answer)).toBeNull();
    for (let length = 0; length < answer.length; length++)
      expect(errorOf(answer.subarray(0, length)), String(length)).not.toBeNull();
  });

  it("never throws and never takes long, whatever the bytes are", () => {
    const whole = encodeAnswer(question, addressRecords({ aliases: ["a.example"], addresses: ["8.8.8.8", "2606::1"] }));
    const changed = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 5 }).map((changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        const result = decodeAnswer(bytes, question);
        if (result.ok) expect(result.value.length).toBeLessThanOrEqual(DNS_RECORDS_MAX);
      }),
      { numRuns: 2_000 },
    );
  });
});
