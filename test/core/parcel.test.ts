// Queue messages: what we encode we decode, and what is not ours is said so, never thrown.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { DISABLED_REASONS } from "../../src/core/health.ts";
import { LOG_LEVELS } from "../../src/core/bus.ts";
import { MESSAGE_BYTES_MAX } from "../../src/core/limits.ts";
import { decodeParcel, encodeParcel, outcomesParcels, type EventParcel, type Parcel } from "../../src/core/parcel.ts";
import type { Settlement } from "../../src/core/delivery.ts";

const text = fc.string({ unit: "binary" });
const count = fc.nat();
const key = fc.record({ bus: text, seq: text, subscriptionId: text, run: text });
const event: fc.Arbitrary<EventParcel> = fc.record({
  kind: fc.constant("event" as const),
  bus: text,
  seq: text,
  eventId: text,
  receipt: text,
  acceptedMs: count,
  hops: count,
  matched: count,
  part: count,
  bytes: count,
  id: text,
  source: text,
  type: text,
  subject: fc.option(text),
  logLevel: fc.constantFrom(...LOG_LEVELS),
  subscriptionIds: fc.array(text),
  body: fc.option(text),
});
const settlement: fc.Arbitrary<Settlement> = fc.record({
  key,
  eventId: text,
  outcome: fc.oneof(
    fc.constant({ kind: "delivered" as const }),
    fc.record({
      kind: fc.constant("released" as const),
      dueMs: count,
      cause: fc.constantFrom("released" as const, "rate" as const),
      slow: fc.boolean(),
    }),
    fc.record({ kind: fc.constant("retry" as const), dueMs: count, slow: fc.boolean() }),
    fc.record({ kind: fc.constant("dead" as const), cause: fc.constant("exhausted" as const) }),
  ),
  attempt: fc.option(
    fc.record({
      attempt: count,
      at_ms: count,
      duration_ms: count,
      status: fc.option(count),
      error: fc.option(text),
      answer: fc.option(text),
    }),
  ),
  sign: fc.option(
    fc.record({
      works: fc.boolean(),
      pausedUntilMs: fc.option(count),
      ignored: count,
      disables: fc.option(fc.constantFrom(...DISABLED_REASONS)),
    }),
  ),
});
const parcel: fc.Arbitrary<Parcel> = fc.oneof(
  event,
  fc.record({ kind: fc.constant("wake" as const), keys: fc.array(key) }),
  fc.record({ kind: fc.constant("resume" as const), bus: text, subscriptionId: text, limit: count }),
  fc.record({ kind: fc.constant("outcomes" as const), token: text, settlements: fc.array(settlement) }),
);

it("decodeParcel() undoes encodeParcel()", () => {
  fc.assert(
    fc.property(parcel, (sent) => {
      expect(decodeParcel(encodeParcel(sent))).toEqual({ ok: true, value: sent });
    }),
  );
});

it("encodeParcel() carries an inline body as it is, line feeds included", () => {
  const [sample] = fc.sample(event, 1);
  const body = '{"data":{\n "n": 12345678901234567890,\n "s": "\\ud800"}\n}';
  const message = encodeParcel({ ...(sample as EventParcel), body });
  expect(message.endsWith(`\n${body}`)).toBe(true);
});

it("decodeParcel() refuses what is not ours, and never throws", () => {
  const head = JSON.parse(encodeParcel({ kind: "wake", keys: [] }));
  for (const other of [
    undefined,
    null,
    7,
    {},
    new Uint8Array(3),
    "",
    "{",
    "[]",
    "null",
    JSON.stringify({ ...head, v: 2 }),
    JSON.stringify({ ...head, kind: "parade" }),
    JSON.stringify({ ...head, keys: [{ bus: "b" }] }),
    JSON.stringify({ ...head, kind: "event" }),
    JSON.stringify({ ...head, kind: "resume" }),
    JSON.stringify({ ...head, kind: "resume", bus: "b", subscriptionId: "s" }),
    JSON.stringify({ ...head, kind: "resume", bus: "b", subscriptionId: "s", limit: -1 }),
    JSON.stringify({ ...head, kind: "resume", bus: "b", subscriptionId: "s", limit: "10" }),
    JSON.stringify({ ...head, kind: "resume", bus: "b", subscriptionId: null, limit: 10 }),
    JSON.stringify({ ...head, kind: "outcomes", token: "t", settlements: [{ key: {}, outcome: {}, attempt: null }] }),
  ]) {
    expect(decodeParcel(other).ok).toBe(false);
  }
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.jsonValue().map((value) => JSON.stringify({ v: 1, ...Object(value) })),
      ),
      (message) => {
        expect(typeof decodeParcel(message).ok).toBe("boolean");
      },
    ),
  );
});

it("decodeParcel() takes an event of a version without log levels for one of a bus that records everything", () => {
  const before =
    '{"v":1,"kind":"event","bus":"default","seq":"s","eventId":"evt_1","receipt":"r.0","acceptedMs":1,"hops":0,"matched":1,"part":0,"bytes":2,"id":"1","source":"/s","type":"t","subject":null,"subscriptionIds":["sub_1"]}\n{}';
  expect(decodeParcel(before)).toMatchObject({ ok: true, value: { logLevel: "all", body: "{}" } });
});

it("outcomesParcels() keeps every outcome, in order, in messages that a queue takes", () => {
  fc.assert(
    fc.property(fc.array(settlement, { maxLength: 40 }), fc.nat(40_000), (settlements, sampleBytes) => {
      const heavy = settlements.map((one) =>
        one.attempt === null ? one : { ...one, attempt: { ...one.attempt, answer: "é".repeat(sampleBytes) } },
      );
      const parcels = outcomesParcels("token", heavy);
      expect(parcels.flatMap((part) => part.settlements)).toEqual(heavy);
      for (const part of parcels) {
        const bytes = new TextEncoder().encode(encodeParcel(part)).byteLength;
        expect(bytes <= MESSAGE_BYTES_MAX || part.settlements.length === 1).toBe(true);
      }
    }),
    { numRuns: 30 },
  );
});

/** As it was written before there were signs, with what this version says beside it. */
const outcomesText = (one: unknown): string =>
  JSON.stringify({ v: 1, kind: "outcomes", token: "t", settlements: [one] });
const KEY = { bus: "b", seq: "s", subscriptionId: "sub_1", run: "" };
const ATTEMPT = { attempt: 1, at_ms: 1, duration_ms: 1, status: 500, error: null, answer: null };

it("decodeParcel() takes outcomes of a version without signs: they say nothing of their sinks, what was given back was only that", () => {
  const before: readonly [unknown, unknown][] = [
    [
      { kind: "released", dueMs: 7 },
      { kind: "released", dueMs: 7, cause: "released", slow: true },
    ],
    [{ kind: "delivered" }, { kind: "delivered" }],
    [
      { kind: "retry", dueMs: 7, slow: true },
      { kind: "retry", dueMs: 7, slow: true },
    ],
    [
      { kind: "dead", cause: "gone" },
      { kind: "dead", cause: "gone" },
    ],
  ];
  for (const [outcome, expected] of before) {
    const decoded = decodeParcel(outcomesText({ key: KEY, outcome, attempt: ATTEMPT }));
    if (!decoded.ok || decoded.value.kind !== "outcomes") throw new Error("It was refused");
    expect(decoded.value.settlements).toEqual([
      { key: KEY, eventId: "", outcome: expect.objectContaining(expected as object), attempt: ATTEMPT, sign: null },
    ]);
  }
});

it("decodeParcel() takes a release of a version without its lane: it is for lane slow", () => {
  const sign = { works: true, pausedUntilMs: null, disables: null, ignored: 0 };
  const one = {
    key: KEY,
    eventId: "evt_1",
    attempt: null,
    sign,
    outcome: { kind: "released", dueMs: 7, cause: "rate" },
  };
  const decoded = decodeParcel(outcomesText(one));
  expect(decoded).toMatchObject({ value: { settlements: [{ ...one, outcome: { ...one.outcome, slow: true } }] } });
});

it("decodeParcel() refuses outcomes whose sign or release is not one", () => {
  const sign = { works: true, pausedUntilMs: null, disables: null, ignored: 0 };
  const outcome = { kind: "released", dueMs: 7, cause: "released" };
  const good = { key: KEY, eventId: "evt_1", outcome, attempt: null, sign };
  expect(decodeParcel(outcomesText(good)).ok).toBe(true);
  for (const bad of [
    { ...good, sign: undefined, outcome: { ...outcome, cause: "bored" } },
    { ...good, sign: "well" },
    { ...good, sign: { ...sign, works: 1 } },
    { ...good, sign: { ...sign, pausedUntilMs: -1 } },
    { ...good, sign: { ...sign, disables: "bored" } },
    { ...good, sign: { ...sign, ignored: null } },
    { ...good, outcome: { kind: "released", dueMs: 7 } },
    { ...good, outcome: { ...outcome, cause: "bored" } },
    { ...good, outcome: { ...outcome, slow: "very" } },
    null,
  ])
    expect(decodeParcel(outcomesText(bad)).ok, JSON.stringify(bad)).toBe(false);
});
