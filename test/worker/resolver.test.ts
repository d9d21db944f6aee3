// Sinks whose names are looked up before each attempt, inside workerd: a real resolver on loopback says where a name leads, real sinks
// count who comes.
import { describe, expect, it } from "vitest";
import type { Answer } from "../../src/core/delivery.ts";
import { dohResolver } from "../../src/resolver.ts";
import { doh } from "../doh-client.ts";
import type { Reply, Zone } from "../doh.ts";
import { sink } from "../sink-client.ts";
import { pushes } from "./pushes.ts";
import { createStage } from "./stage.ts";

const NAME = "sink.private-name.example";
const PUBLIC = "93.184.216.34";

/**
 * A sink under that name, whose address only the resolver knows. What is sent to the name goes to the sink on loopback, as if the
 * resolver had not been asked again.
 */
async function named(zone: Zone) {
  const [client, resolver] = [sink(), doh()];
  await resolver.program(zone);
  const { host } = new URL(client.url);
  const deps = {
    resolver: dohResolver({ fetch, url: resolver.url }),
    fetch: ((url: string, init?: RequestInit) => fetch(url.replace(NAME, host), init)) as typeof fetch,
  };
  const url = client.url.replace(host, NAME);
  const push = (more: { readonly timeoutMs?: number; readonly allowInsecure?: boolean } = {}): Promise<Answer> => {
    const { timeoutMs = 30_000, allowInsecure = true } = more;
    const adapter = pushes({ ...deps, policy: { allowInsecure, publicHost: null } });
    return adapter.push(allowInsecure ? url : url.replace("http:", "https:"), { timeoutMs });
  };
  return { client, resolver, push };
}

const both = (reply: Reply): Zone => ({ A: [reply], AAAA: [reply] });

describe("push() with a resolver", () => {
  it("calls a sink whose addresses are all public, and asks before each attempt", async () => {
    const { client, resolver, push } = await named({ A: [{ addresses: [PUBLIC, "8.8.8.8"] }] });
    for (let attempt = 0; attempt < 2; attempt++) expect(await push()).toMatchObject({ status: 200 });
    const asked = ["A", "AAAA", "A", "AAAA"].map((type) => ({ name: NAME, type }));
    expect(await resolver.asked()).toEqual(asked);
    expect(await client.requests()).toHaveLength(2);
  });

  it("refuses a name that leads elsewhere at the second attempt", async () => {
    for (const [type, first, later] of [
      ["A", PUBLIC, "192.168.1.1"],
      ["AAAA", "2606:4700::1", "fd00::1"],
    ] as const) {
      const { client, push } = await named({ [type]: [{ addresses: [first] }, { addresses: [later] }] });
      expect(await push()).toMatchObject({ kind: "answered", status: 200 });
      expect(await push()).toMatchObject({ kind: "failed", error: "refused" });
      expect(await client.requests()).toHaveLength(1);
    }
  });

  it.each<[string, Zone, string]>([
    ["the only one", { A: [{ addresses: ["10.0.0.1"] }] }, "10.0.0.0/8 is private"],
    ["the last of many", { A: [{ addresses: [PUBLIC, "169.254.169.254"] }] }, "169.254.0.0/16 is link-local"],
    [
      "of the other family",
      { A: [{ addresses: [PUBLIC] }], AAAA: [{ addresses: ["fe80::1"] }] },
      "fe80::/10 is link-local",
    ],
    [
      "behind aliases",
      { A: [{ aliases: ["a.example", "b.example"], addresses: ["100.64.0.1"] }] },
      "100.64.0.0/10 is shared by carriers",
    ],
    ["of an IPv4 address in IPv6", { AAAA: [{ addresses: ["::ffff:8.8.8.8"] }] }, "::ffff:0:0/96 is mapped IPv4"],
    ["of the other type than was asked for", { A: [{ addresses: ["::1"] }] }, "::1/128 is loopback"],
  ])("refuses an address that is not public: %s", async (_, zone, rule) => {
    const { client, push } = await named(zone);
    const answer = await push({ allowInsecure: false });
    const detail = `sink must resolve to public addresses only: ${rule}`;
    expect(answer).toMatchObject({ kind: "failed", error: "refused", detail });
    expect(await client.requests()).toEqual([]);
  });

  it("lets loopback pass with insecure sinks, nothing else, and not without them", async () => {
    const loopback = await named({ A: [{ addresses: ["127.0.0.1"] }], AAAA: [{ addresses: ["::1"] }] });
    expect(await loopback.push()).toMatchObject({ kind: "answered", status: 200 });
    expect(await loopback.push({ allowInsecure: false })).toMatchObject({ kind: "failed", error: "refused" });
    const mixed = await named({ A: [{ addresses: ["127.0.0.1", "10.0.0.1"] }] });
    expect(await mixed.push()).toMatchObject({ kind: "failed", error: "refused" });
  });

  it("calls no name without an address", async () => {
    for (const zone of [{}, both({ code: 3 }), both({ aliases: ["nowhere.example"] })]) {
      const { client, push } = await named(zone);
      const detail = "The sink's name has no address";
      expect(await push()).toMatchObject({ kind: "failed", error: "connection", detail });
      expect(await client.requests()).toEqual([]);
    }
  });

  it.each<[string, Reply]>([
    ["it took too long", { hang: "head" }],
    ["it took too long", { hang: "body" }],
    ["its answer has the status 302", { status: 302, headers: { location: "http://169.254.169.254/" } }],
    ["its answer has the status 500", { status: 500 }],
    ["its answer has the response code 2", { code: 2 }],
    ["it answered another question", { bodyBase64: btoa("\0\0\x80".padEnd(100, "\0")) }],
    ["the connection could not be made, or broke", { reset: true }],
  ])("calls nobody when %s", async (reason, reply) => {
    const { client, push } = await named(both(reply));
    const detail = `The resolver of DOH_URL did not answer: ${reason}`;
    expect(await push({ timeoutMs: 1_000 })).toMatchObject({ kind: "failed", error: "internal", detail });
    expect(await client.requests()).toEqual([]);
  });

  it("does not ask for addresses, nor for localhost", async () => {
    const [client, resolver] = [sink(), doh()];
    const { push } = pushes({ resolver: dohResolver({ fetch, url: resolver.url }) });
    expect(await push(client.url)).toMatchObject({ kind: "answered", status: 200 });
    expect(await push(client.url.replace("127.0.0.1", "localhost"))).toMatchObject({ kind: "answered", status: 200 });
    expect(await resolver.asked()).toEqual([]);
  });
});

it("DOH_URL sets the resolver of a router: a name that is rebound is refused at its second attempt, and on record so", async () => {
  const resolver = doh();
  // The top-level domain of RFC 6761 §6.4: nobody is called even if there is a network.
  await resolver.program({ A: [{ addresses: [PUBLIC] }, { addresses: ["10.0.0.1"] }] });
  const { clock, router, record } = await createStage({ DOH_URL: resolver.url });
  const { id } = await router.subscribe({ sink: "https://sink.invalid/private", retry: { schedule_s: [5] } });
  await router.publish({ type: "order.created", data: 1 });
  await router.settled();
  await router.drain();
  clock.advance(5_000);
  await router.handle(router.take());
  const [delivery = expect.fail()] = await record(id);
  const refused = "refused: sink must resolve to public addresses only: 10.0.0.0/8 is private";
  expect(delivery.attempts.map(({ error }) => error)).toEqual([expect.stringMatching(/^connection: /), refused]);
  expect(await resolver.asked()).toHaveLength(4);
});
