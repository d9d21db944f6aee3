// Freshness: what one isolate changes is live in another within 5 s, and at once where it was made. Isolates are routers of their
// own over the same D1; the clock is moved by hand.
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import {
  BUS_NAME_REST_MS,
  EFFECTIVE_MS,
  ROUTES_FRESH_MS,
  ROUTES_STALE_MS,
  ROUTES_UNKNOWN_MS,
} from "../../src/core/limits.ts";
import { assemble } from "../../src/wire.ts";
import { fakeLogger, fakeRandom } from "../fakes.ts";
import { flakyDb } from "./flaky-db.ts";
import { createTestRouter, ROOT_KEY } from "./router.ts";

/** Stands still until it is moved. Nothing here waits for a timeout, so nobody who sleeps wakes. */
function handClock(now = Date.parse("2027-01-02T03:04:05.678Z")) {
  return { now: () => now, sleep: () => new Promise<void>(() => {}), advance: (ms: number) => void (now += ms) };
}
type HandClock = ReturnType<typeof handClock>;

let isolates = 0;

function isolate(clock: HandClock) {
  const flaky = flakyDb(env.DB);
  const doors = { clock, random: fakeRandom(++isolates), logger: fakeLogger() };
  const { app } = assemble(createTestRouter({ DB: flaky.db }).env, doors);
  const background: Promise<unknown>[] = [];

  async function request(
    method: string,
    path: string,
    { body, key = ROOT_KEY, bus, type }: Asked = {},
  ): Promise<Response> {
    const headers = new Headers({ authorization: `Bearer ${key}` });
    if (bus !== undefined) headers.set("fantail-bus", bus);
    if (body !== undefined) headers.set("content-type", type ?? "application/json");
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return app.fetch(new Request(`https://router.test${path}`, init), {
      background: (work) => void background.push(work),
    });
  }

  async function json<T>(method: string, path: string, asked: Asked = {}): Promise<T> {
    const response = await request(method, path, asked);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  return {
    request,
    json,
    flaky,
    /** How many subscriptions take an event of that type. */
    async matched(type: string): Promise<number | undefined> {
      const { events } = await json<Receipt>("POST", "/v1/events", { body: { type } });
      return events[0]?.matched;
    },
    /** Of each type, how many subscriptions take it, as one request sees it. */
    async matchedEach(types: readonly string[]): Promise<number[]> {
      const body = types.map((type) => ({ specversion: "1.0", id: crypto.randomUUID(), source: "/freshness", type }));
      const { events } = await json<Receipt>("POST", "/v1/events", {
        body,
        type: "application/cloudevents-batch+json",
      });
      return events.map(({ matched }) => matched);
    },
    /** What was handed to waitUntil has ended. */
    async settled(): Promise<void> {
      while (background.length > 0) await Promise.allSettled(background.splice(0));
    },
  };
}
type Isolate = ReturnType<typeof isolate>;

interface Asked {
  readonly body?: unknown;
  readonly key?: string;
  readonly bus?: string;
  readonly type?: string;
}
interface Receipt {
  readonly events: readonly { readonly matched: number }[];
}
/** What a change answers; deletions answer nothing. */
interface Changed {
  readonly id: string;
  readonly key: string;
  readonly effective_at: string;
}

const SINK = "https://sink.example.com/";
const subscribe = (at: Isolate, type: string): Promise<Changed> =>
  at.json("POST", "/v1/subscriptions", { body: { sink: SINK, types: [type] } });
const keyOfNewBus = async (at: Isolate, bus: string): Promise<Changed> => {
  await at.json("PUT", `/v1/buses/${bus}`);
  return at.json("POST", "/v1/keys", { body: { scopes: ["publish"] }, bus });
};
const patch = (at: Isolate, id: string, body: unknown): Promise<Changed> =>
  at.json("PATCH", `/v1/subscriptions/${id}`, { body });
const publishStatus = async (at: Isolate, asked: Asked): Promise<number> =>
  (await at.request("POST", "/v1/events", { body: { type: "any" }, ...asked })).status;

interface Case {
  readonly name: string;
  /** Makes what is changed; the answer is passed on. */
  readonly prepare?: (at: Isolate, name: string) => Promise<Changed>;
  readonly change: (at: Isolate, name: string, made: Changed) => Promise<Changed | Response>;
  readonly view: (at: Isolate, name: string, made: Changed) => Promise<unknown>;
  readonly before: unknown;
  readonly after: unknown;
}

const NONE: Changed = { id: "", key: "", effective_at: "" };
const matched: Case["view"] = (at, name) => at.matched(name);
const withKey: Case["view"] = (at, _name, { key }) => publishStatus(at, { key });

const CASES: readonly Case[] = [
  { name: "a new subscription", change: subscribe, view: matched, before: 0, after: 1 },
  {
    name: "a deleted subscription",
    prepare: subscribe,
    change: (at, _name, { id }) => at.request("DELETE", `/v1/subscriptions/${id}`),
    view: matched,
    before: 1,
    after: 0,
  },
  {
    name: "a new subscription that is paused",
    change: (at, name) =>
      at.json("POST", "/v1/subscriptions", { body: { sink: SINK, types: [name], status: "paused" } }),
    view: matched,
    before: 0,
    after: 1,
  },
  {
    name: "a changed subscription",
    prepare: subscribe,
    change: (at, name, { id }) => patch(at, id, { types: [`${name}-new`] }),
    view: (at, name) => at.matchedEach([name, `${name}-new`]),
    before: [1, 0],
    after: [0, 1],
  },
  {
    name: "a revoked key",
    prepare: (at) => at.json("POST", "/v1/keys", { body: { scopes: ["publish"] } }),
    change: (at, _name, { id }) => at.request("DELETE", `/v1/keys/${id}`),
    view: withKey,
    before: 202,
    after: 401,
  },
  {
    name: "a new bus",
    change: (at) => at.json("PUT", "/v1/buses/brand-new"),
    view: (at) => publishStatus(at, { bus: "brand-new" }),
    before: 404,
    after: 202,
  },
  {
    name: "a deleted bus",
    prepare: keyOfNewBus,
    change: (at, bus) => at.request("DELETE", `/v1/buses/${bus}`),
    view: (at, bus) => publishStatus(at, { bus }),
    before: 202,
    after: 404,
  },
  {
    name: "a key of a deleted bus",
    prepare: keyOfNewBus,
    change: (at, bus) => at.request("DELETE", `/v1/buses/${bus}`),
    view: withKey,
    before: 202,
    after: 401,
  },
  {
    name: "a changed limit of a key",
    prepare: (at) => at.json("POST", "/v1/keys", { body: { scopes: ["publish"] } }),
    change: (at, _name, { id }) => at.json("PATCH", `/v1/keys/${id}`, { body: { scopes: ["read"] } }),
    view: withKey,
    before: 202,
    after: 403,
  },
  {
    name: "the end of a rotated key",
    prepare: (at) => at.json("POST", "/v1/keys", { body: { scopes: ["publish"] } }),
    change: (at, _name, { id }) => at.json("POST", `/v1/keys/${id}/rotate`, { body: { overlap_s: 0 } }),
    view: withKey,
    before: 202,
    after: 401,
  },
];

const AGES_MS = [0, 1, ROUTES_FRESH_MS, ROUTES_FRESH_MS + 1, ROUTES_STALE_MS, ROUTES_STALE_MS + 1, 60_000, 3_600_000];

it.each(CASES)("$name is live at once where it was made, and within 5 s everywhere", async ({ name, ...one }) => {
  const clock = handClock();
  const type = name.replaceAll(" ", "-");
  const maker = isolate(clock);
  const made = (await one.prepare?.(maker, type)) ?? NONE;
  // Each other isolate looked just before the change, and is asked once, at its age; one is asked all the time.
  const others = AGES_MS.map((ageMs) => ({ ageMs, other: isolate(clock) }));
  const busy = isolate(clock);
  for (const at of [maker, busy, ...others.map(({ other }) => other)])
    expect(await one.view(at, type, made)).toEqual(one.before);

  const committedMs = clock.now();
  const answer = await one.change(maker, type, made);
  if (answer instanceof Response) expect(answer.status).toBe(204);
  else expect(answer.effective_at).toBe(new Date(committedMs + EFFECTIVE_MS).toISOString());
  expect(await one.view(maker, type, made)).toEqual(one.after);

  let seen = false;
  for (const { ageMs, other } of others) {
    clock.advance(committedMs + ageMs - clock.now());
    for (const at of [other, busy]) {
      const view = await one.view(at, type, made);
      if (ageMs > EFFECTIVE_MS || (at === busy && seen)) expect(view, `after ${ageMs} ms`).toEqual(one.after);
      else expect([one.before, one.after], `after ${ageMs} ms`).toContainEqual(view);
      await at.settled();
      if (at === busy) seen = JSON.stringify(view) === JSON.stringify(one.after);
    }
  }
  expect(seen).toBe(true);
});

it("a new key is looked for at once, unless that was done within a second", async () => {
  const clock = handClock();
  const [maker, other] = [isolate(clock), isolate(clock)];
  await other.matched("any");
  const { key, effective_at } = await maker.json<Changed>("POST", "/v1/keys", { body: { scopes: ["publish"] } });
  expect(effective_at).toBe(new Date(clock.now() + EFFECTIVE_MS).toISOString());
  expect(await publishStatus(maker, { key })).toBe(202);
  clock.advance(ROUTES_UNKNOWN_MS);
  other.flaky.calls.length = 0;
  expect(await publishStatus(other, { key })).toBe(401);
  expect(other.flaky.calls).toEqual([]);
  clock.advance(1);
  expect(await publishStatus(other, { key })).toBe(202);
  // That the key was used is noted behind the answer.
  const isUse = ([sql = ""]: readonly string[]): boolean => sql.includes("last_used_ms = ?3");
  expect(other.flaky.calls.filter((call) => !isUse(call))).toHaveLength(1);
});

it("a bus that takes the name of a deleted one has nothing of it, also where both were missed", async () => {
  const clock = handClock();
  const [maker, other, warm] = [isolate(clock), isolate(clock), isolate(clock)];
  const bus = "phoenix";
  await maker.json("PUT", `/v1/buses/${bus}`);
  const { key } = await maker.json<Changed>("POST", "/v1/keys", { body: { scopes: ["publish"] }, bus });
  await maker.json("POST", "/v1/subscriptions", { body: { sink: SINK }, bus });
  const matchedOn = async (at: Isolate) => {
    const { events } = await at.json<Receipt>("POST", "/v1/events", { body: { type: "any" }, bus });
    return events[0]?.matched;
  };
  for (const at of [maker, other, warm]) {
    expect(await publishStatus(at, { key })).toBe(202);
    expect(await matchedOn(at)).toBe(1);
  }
  expect((await maker.request("DELETE", `/v1/buses/${bus}`)).status).toBe(204);
  expect((await maker.request("PUT", `/v1/buses/${bus}`)).status).toBe(409);
  for (const table of ["subscriptions", "keys", "audit"])
    await env.DB.prepare(`DELETE FROM ${table} WHERE bus = ?1`).bind(bus).run();
  clock.advance(BUS_NAME_REST_MS - 1);
  expect((await maker.request("PUT", `/v1/buses/${bus}`)).status).toBe(409);
  // One isolate heard of the deletion, the other of neither.
  expect(await publishStatus(warm, { bus })).toBe(404);
  clock.advance(1);
  await maker.json("PUT", `/v1/buses/${bus}`);
  expect([await publishStatus(maker, { key }), await matchedOn(maker)]).toEqual([401, 0]);
  clock.advance(EFFECTIVE_MS);
  expect([await publishStatus(warm, { key }), await matchedOn(warm)]).toEqual([401, 0]);
  expect([await publishStatus(other, { key }), await matchedOn(other)]).toEqual([401, 0]);
});

it("a new bus is looked for at once, unless that was done within a second", async () => {
  const clock = handClock();
  const [maker, other] = [isolate(clock), isolate(clock)];
  const bus = "looked-for";
  expect(await publishStatus(other, { bus })).toBe(404);
  await maker.json("PUT", `/v1/buses/${bus}`);
  clock.advance(ROUTES_UNKNOWN_MS);
  other.flaky.calls.length = 0;
  expect(await publishStatus(other, { bus })).toBe(404);
  expect(other.flaky.calls).toEqual([]);
  clock.advance(1);
  expect(await publishStatus(other, { bus })).toBe(202);
});

/** Lets everything happen that waits for nothing but its turn. */
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
};

/** Holds every call to the database until `open`. */
function gate(at: Isolate): { open: () => void } {
  const { promise, resolve } = Promise.withResolvers<"pass">();
  at.flaky.fate = () => promise;
  return {
    open() {
      at.flaky.fate = () => "pass";
      resolve("pass");
    },
  };
}

it("a warm publish makes no D1 call up to 2 s, and up to 5 s one that it does not wait for", async () => {
  const clock = handClock();
  const [maker, other] = [isolate(clock), isolate(clock)];
  const { calls } = other.flaky;
  expect(await other.matched("warm")).toBe(0);
  await subscribe(maker, "warm");
  calls.length = 0;
  for (const stepMs of [0, 1, ROUTES_FRESH_MS - 1]) {
    clock.advance(stepMs);
    expect(await other.matched("warm")).toBe(0);
  }
  expect(calls).toEqual([]);

  clock.advance(1);
  const held = gate(other);
  // Nobody waits, and ten publishes start one refresh.
  expect(await Promise.all(Array.from({ length: 10 }, () => other.matched("warm")))).toEqual(
    Array.from({ length: 10 }, () => 0),
  );
  expect(calls).toHaveLength(1);
  clock.advance(ROUTES_FRESH_MS - 1);
  expect(await other.matched("warm")).toBe(0);
  expect(calls).toHaveLength(1);
  // It began 2 s ago and has not answered: another one may.
  clock.advance(1);
  expect(await other.matched("warm")).toBe(0);
  expect(calls).toHaveLength(2);
  held.open();
  await other.settled();
  expect(await other.matched("warm")).toBe(1);
  expect(calls).toHaveLength(2);
});

it("over 5 s a publish waits for one query, and is answered by what it brings", async () => {
  const clock = handClock();
  const [maker, other] = [isolate(clock), isolate(clock)];
  expect(await other.matched("waits")).toBe(0);
  await subscribe(maker, "waits");
  clock.advance(ROUTES_STALE_MS + 1);
  other.flaky.calls.length = 0;
  const held = gate(other);
  let answered = false;
  const publish = other.matched("waits").finally(() => (answered = true));
  while (other.flaky.calls.length === 0) await turns();
  await turns();
  expect(answered).toBe(false);
  held.open();
  expect(await publish).toBe(1);
  expect(other.flaky.calls).toHaveLength(1);
});

it.each([1, 2, 3, 4])(
  "whatever the order of changes and publishes, nobody sees what is over for 5 s (seed %i)",
  async (seed) => {
    const clock = handClock();
    const { fraction } = fakeRandom(seed * 1_000);
    const pick = (count: number): number => Math.floor(fraction() * count);
    const viewers = [isolate(clock), isolate(clock), isolate(clock)].map((at) => ({ at, seen: 0, made: 0 }));
    const typeOf = (version: number): string => `walk-${seed}-${version}`;
    /** When each version of the subscription was committed; it takes the type of its version and no other. */
    const committedMs = [clock.now()];
    const [first] = viewers;
    if (first === undefined) throw new Error("There are viewers");
    const { id } = await subscribe(first.at, typeOf(0));

    const change = async (viewer: (typeof viewers)[number]): Promise<void> => {
      const version = committedMs.length;
      await patch(viewer.at, id, { types: [typeOf(version)] });
      committedMs.push(clock.now());
      viewer.made = version;
    };
    const look = async (viewer: (typeof viewers)[number]): Promise<void> => {
      const oldest = Math.max(0, committedMs.length - 90);
      const least = Math.max(viewer.seen, viewer.made);
      const versions = Array.from({ length: committedMs.length + 1 - oldest }, (_, index) => oldest + index);
      const matches = await viewer.at.matchedEach(versions.map(typeOf));
      const visible = versions.filter((_, index) => matches[index] === 1);
      expect(visible).toHaveLength(1);
      const [version = -1] = visible;
      expect(version).toBeGreaterThanOrEqual(least);
      // It may be over, but not for longer than 5 s.
      expect((committedMs[version + 1] ?? clock.now()) + EFFECTIVE_MS).toBeGreaterThanOrEqual(clock.now());
      viewer.seen = version;
    };
    for (let step = 0; step < 60; step++) {
      const [one, another] = [viewers[pick(3)] ?? first, viewers[pick(3)] ?? first];
      clock.advance(pick(fraction() < 0.3 ? 7_000 : 700));
      const act = pick(10);
      if (act < 3) await change(one);
      else if (act < 5 && one !== another) await Promise.all([look(one), change(another)]);
      else await look(one);
      if (fraction() < 0.5) await another.at.settled();
    }
    clock.advance(EFFECTIVE_MS + 1);
    for (const viewer of viewers) {
      await look(viewer);
      expect(viewer.seen).toBe(committedMs.length - 1);
    }
  },
);
