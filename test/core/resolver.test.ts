// The adapter of the resolver against a real one on loopback: what it asks, and what each kind of misbehaviour becomes.
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { encodeQuestion } from "../../src/core/dns.ts";
import { DNS_ANSWER_BYTES_MAX, DNS_TIMEOUT_MS } from "../../src/core/limits.ts";
import { dohResolver } from "../../src/resolver.ts";
import { doh, type DohClient } from "../doh-client.ts";
import { addressRecords, encodeAnswer, encodeRecord, startDoh, type Reply } from "../doh.ts";

let base = "";
let stop = async () => {};
beforeAll(async () => {
  ({ url: base, stop } = await startDoh());
});
afterAll(() => stop());
afterEach(() => vi.restoreAllMocks());

const NAME = "sink.example";
const unhurried = () => AbortSignal.timeout(60_000);
const addresses = ({ url }: Pick<DohClient, "url">, signal = unhurried()) =>
  dohResolver({ fetch, url }).addresses(NAME, signal);

async function resolverThat(reply: Reply): Promise<DohClient> {
  const client = doh(base);
  await client.program({ A: [reply], AAAA: [reply] });
  return client;
}

it("addresses() asks for both families, one after the other, and answers all", async () => {
  const client = doh(base);
  const short = { aliases: ["a.cdn.example"], addresses: ["93.184.216.34", "93.184.216.35"] };
  await client.program({ A: [short], AAAA: [{ addresses: ["2606:4700::1"] }] });
  const value = ["93.184.216.34", "93.184.216.35", "2606:4700:0:0:0:0:0:1"];
  expect(await addresses(client)).toEqual({ ok: true, value });
  expect(await client.asked()).toEqual([
    { name: NAME, type: "A" },
    { name: NAME, type: "AAAA" },
  ]);
});

it("addresses() keeps nothing: each call asks anew", async () => {
  const client = doh(base);
  await client.program({ A: [{ addresses: ["93.184.216.34"] }, { addresses: ["10.0.0.1"] }] });
  expect(await addresses(client)).toEqual({ ok: true, value: ["93.184.216.34"] });
  expect(await addresses(client)).toEqual({ ok: true, value: ["10.0.0.1"] });
});

it("addresses() keeps what the URL of the resolver says else, and asks past caches", async () => {
  const client = await resolverThat({ addresses: ["93.184.216.34"] });
  const watched = vi.fn<typeof fetch>((url, init) => fetch(url, init));
  const url = `${client.url}?profile=a%20b&dns=x`;
  expect(await dohResolver({ fetch: watched, url }).addresses(NAME, unhurried())).toMatchObject({ ok: true });
  const asked = expect.stringMatching(/\?profile=a\+b&dns=AAAB[\w-]+$/);
  const options = expect.objectContaining({ redirect: "manual", cache: "no-store" });
  expect(watched).toHaveBeenNthCalledWith(1, asked, options);
});

it("addresses() finds none where there is none, and does not ask for what DNS cannot carry", async () => {
  const client = await resolverThat({ code: 3 });
  expect(await addresses(client)).toEqual({ ok: true, value: [] });
  const long = dohResolver({ fetch, url: client.url }).addresses(`${"a".repeat(64)}.example`, unhurried());
  expect(await long).toEqual({ ok: true, value: [] });
  expect(await client.asked()).toHaveLength(2);
});

const question = Buffer.from(encodeQuestion(NAME, "A") ?? []);
const message = encodeAnswer(question, addressRecords({ addresses: ["93.184.216.34"] }));
/** An answer of exactly that many bytes: a text record fills it up. */
const filled = (bytes: number) => {
  const name = Buffer.from([0xc0, 12]);
  const empty = encodeAnswer(question, [encodeRecord(name, 16, Buffer.alloc(0))]);
  return encodeAnswer(question, [encodeRecord(name, 16, Buffer.alloc(bytes - empty.length))]).toString("base64");
};

it.each<[string, Reply]>([
  ["its answer has the status 503", { status: 503 }],
  ["its answer has the status 301", { status: 301, headers: { location: "/elsewhere" } }],
  ["its answer has the status 204", { status: 204 }],
  ["its answer is not application/dns-message", { headers: { "content-type": "text/html" } }],
  ["its answer has the response code 2", { code: 2 }],
  ["its answer is truncated", { truncated: true, addresses: ["93.184.216.34"] }],
  ["its answer is cut short", { bodyBase64: "" }],
  ["its answer is cut short", { bodyBase64: message.subarray(0, -1).toString("base64") }],
  [`its answer has more than ${DNS_ANSWER_BYTES_MAX} bytes`, { bodyBase64: filled(DNS_ANSWER_BYTES_MAX + 1) }],
  [
    `its answer has more than ${DNS_ANSWER_BYTES_MAX} bytes`,
    { headers: { "content-encoding": "gzip" }, bodyBase64: gzipSync(Buffer.alloc(10_000_000)).toString("base64") },
  ],
  ["the connection could not be made, or broke", { reset: true }],
])("addresses() knows none when %s", async (error, reply) => {
  expect(await addresses(await resolverThat(reply))).toEqual({ ok: false, error });
});

it("addresses() takes an answer of as many bytes as the limit", async () => {
  const client = doh(base);
  await client.program({ A: [{ bodyBase64: filled(DNS_ANSWER_BYTES_MAX) }], AAAA: [{ addresses: ["2606::1"] }] });
  expect(await addresses(client)).toMatchObject({ ok: true, value: { length: 1 } });
});

it("addresses() knows none when one family is known and the other not", async () => {
  const client = doh(base);
  await client.program({ A: [{ addresses: ["93.184.216.34"] }], AAAA: [{ code: 2 }] });
  expect(await addresses(client)).toMatchObject({ ok: false });
  await client.program({ A: [{ code: 2 }], AAAA: [{ addresses: ["2606:4700::1"] }] });
  expect(await addresses(client)).toMatchObject({ ok: false });
});

it("addresses() gives up at the end of the signal or of its own time, before the head and in the body", async () => {
  for (const hang of ["head", "body"] as const) {
    const client = await resolverThat({ hang });
    const error = "it took too long";
    expect(await addresses(client, AbortSignal.timeout(100))).toEqual({ ok: false, error });
    const soon = AbortSignal.timeout(100);
    const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(soon);
    expect(await addresses(client, new AbortController().signal)).toEqual({ ok: false, error });
    expect(timeout).toHaveBeenCalledExactlyOnceWith(DNS_TIMEOUT_MS);
    timeout.mockRestore();
  }
});

it("addresses() never throws, and says nothing of the URL", async () => {
  const url = "http://127.0.0.1:1/private?token=private";
  const error = "the connection could not be made, or broke";
  expect(await addresses({ url })).toEqual({ ok: false, error });
  const throwing: typeof fetch = () => {
    throw new TypeError(`cannot reach ${url}`);
  };
  expect(await dohResolver({ fetch: throwing, url }).addresses(NAME, unhurried())).toEqual({ ok: false, error });
});
