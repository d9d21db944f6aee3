// Changing subscriptions over HTTP: merge patches, rotation, races, what may be repeated, what cannot be opened.
import { expect, it } from "vitest";
import { CHANGE_TRIES_MAX, RETRY_PERMANENT_DEFAULT, RETRY_SCHEDULE_SECONDS_DEFAULT } from "../../src/core/limits.ts";
import type { StoredSubscription } from "../../src/ports.ts";
import { noteFor } from "../fake-stores.ts";
import { fakeHttp, type Answered, type FakeHttp } from "../http.ts";

const SINK = "https://billing.example.com/hooks";
const SECRET = `whsec_${"A".repeat(32)}`;
const OTHER_SECRET = `whsec_${"B".repeat(32)}`;

const slug = (answer: Answered) => answer.json.type.split("/").at(-1);
const pointers = (answer: Answered): readonly string[] =>
  answer.json.errors.map(({ pointer }: { pointer: string }) => pointer);
const create = (http: FakeHttp, json: object = {}) =>
  http.ask("POST", "/v1/subscriptions", { json: { sink: SINK, ...json } });
const patch = (http: FakeHttp, id: string, json: unknown, headers: Record<string, string> = {}) =>
  http.ask("PATCH", `/v1/subscriptions/${id}`, { json, headers });
const secretsOf = async (http: FakeHttp, id: string) =>
  (await http.stores.subscriptionStore.get("default", id))?.secrets;

it("PATCH replaces arrays, takes null for the default, and leaves the rest", async () => {
  const http = fakeHttp();
  const { id } = (
    await create(http, {
      name: "a",
      types: ["a", "b"],
      timeout_ms: 2_000,
      retry: { schedule_s: [1, 2], permanent: [404] },
    })
  ).json;
  http.clock.advance(1_000);
  const answer = await patch(http, id, { types: ["c"], timeout_ms: null, retry: { schedule_s: [9] } });
  expect(answer.status).toBe(200);
  expect(answer.json).toMatchObject({
    name: "a",
    sink: SINK,
    types: ["c"],
    timeout_ms: 15_000,
    retry: { schedule_s: [9], permanent: [404] },
    created_at: "2026-01-02T03:04:05.678Z",
    updated_at: "2026-01-02T03:04:06.678Z",
    effective_at: "2026-01-02T03:04:11.678Z",
    version: 3,
  });
  expect(answer.json).not.toHaveProperty("secret");
  expect(answer.headers.get("etag")).toBe('"3"');
  expect(http.routes.changes.at(-1)).toMatchObject({
    version: 3,
    id,
    wanted: '{"types":["c"],"source":null,"filters":[]}',
  });
  expect((await patch(http, id, { types: null, name: null, retry: null })).json).toMatchObject({
    name: null,
    types: null,
    retry: { schedule_s: [...RETRY_SCHEDULE_SECONDS_DEFAULT], permanent: [...RETRY_PERMANENT_DEFAULT] },
  });
});

it("PATCH merges a rate member by member, and null removes it", async () => {
  const http = fakeHttp();
  const { id } = (await create(http, { rate: { limit: 10, period_s: 60 } })).json;
  const stored = async () => (await http.stores.subscriptionStore.get("default", id))?.pace;
  expect((await patch(http, id, { rate: { limit: 20 } })).json.rate).toEqual({ limit: 20, period_s: 60 });
  expect((await patch(http, id, { concurrency: 3 })).json).toMatchObject({ rate: { limit: 20 }, concurrency: 3 });
  expect(await stored()).toEqual({ rate: { limit: 20, periodSeconds: 60 }, concurrency: 3 });
  // What is possible in 60 s is not in one.
  await patch(http, id, { rate: { limit: 2_000 } });
  const impossible = await patch(http, id, { rate: { period_s: 1 } });
  expect(impossible.json.errors).toEqual([
    { pointer: "/rate/limit", detail: "rate.limit must be at most 1000 in 1 s" },
  ]);
  expect(pointers(await patch(http, id, { rate: { limit: null } }))).toEqual(["/rate/limit"]);
  expect((await patch(http, id, { rate: null, concurrency: null })).json).toMatchObject({
    rate: null,
    concurrency: null,
  });
  expect(await stored()).toEqual({ rate: null, concurrency: null });
  expect(pointers(await patch(http, id, { rate: { limit: 20 } }))).toEqual(["/rate/period_s"]);
});

it("PATCH merges headers name by name, without case", async () => {
  const http = fakeHttp();
  const { id } = (await create(http, { headers: { "x-a": "1", "x-b": "2", "x-c": "3" } })).json;
  const stored = async () => (await http.stores.subscriptionStore.get("default", id))?.headers;
  expect((await patch(http, id, { headers: { "X-A": "9", "X-B": null, "x-d": "4" } })).json.headers).toEqual({
    "x-a": "…",
    "x-c": "…",
    "x-d": "…",
  });
  expect(await stored()).toEqual({ "x-a": "9", "x-c": "3", "x-d": "4" });
  await patch(http, id, { headers: {} });
  expect(await stored()).toEqual({ "x-a": "9", "x-c": "3", "x-d": "4" });
  // What was shown is not a value: who sends a whole answer back keeps the secret, and nobody sets one to dots.
  await patch(http, id, { headers: { "x-a": "…", "X-C": "…" } });
  expect(await stored()).toEqual({ "x-a": "9", "x-c": "3", "x-d": "4" });
  expect(pointers(await patch(http, id, { headers: { "x-a": "…", "x-b": "…" } }))).toEqual(["/headers/x-b"]);
  expect(pointers(await patch(http, id, { headers: { "x-e": "1", "X-E": "2" } }))).toEqual(["/headers/X-E"]);
  expect(pointers(await patch(http, id, { headers: "x" }))).toEqual(["/headers"]);
  await patch(http, id, { headers: null });
  expect(await stored()).toEqual({});
});

it("PATCH takes the media type of merge patches and that of JSON, and no other", async () => {
  const http = fakeHttp();
  const { id } = (await create(http)).json;
  expect((await patch(http, id, { name: "a" }, { "content-type": "application/merge-patch+json" })).status).toBe(200);
  expect((await patch(http, id, { name: "a" }, { "content-type": "application/json-patch+json" })).status).toBe(415);
});

it("PATCH refuses what POST refuses, and to remove the sink or the secret", async () => {
  const http = fakeHttp();
  const { id } = (await create(http)).json;
  const before = http.stores.stored();
  for (const [json, wrong] of [
    [{ sink: null }, ["/sink"]],
    [{ sink: "http://a.example.com" }, ["/sink"]],
    [{ secret: null }, ["/secret"]],
    [{ secret: "short", format: "x", nam: "a" }, ["/format", "/nam", "/secret"]],
    [{ status: "disabled" }, ["/status"]],
    [{ version: 3 }, ["/version"]],
    [JSON.parse('{"__proto__":{}}'), ["/__proto__"]],
    [{ filterz: null }, ["/filterz"]],
    [{ retry: { schedule: null } }, ["/retry/schedule"]],
    [{ id: null, disabled_reason: "gone", bus: "other" }, ["/bus", "/disabled_reason", "/id"]],
  ] as const) {
    const answer = await patch(http, id, json);
    expect([answer.status, pointers(answer).toSorted()]).toEqual([422, wrong]);
  }
  expect((await patch(http, id, [])).status).toBe(422);
  expect(http.stores.stored()).toBe(before);
});

it("PATCH of a subscription whose sink is no longer allowed works while it leaves the sink", async () => {
  const http = fakeHttp();
  const { json } = await create(http);
  const stored = await http.stores.subscriptionStore.get("default", json.id);
  if (stored === null) throw new Error("It was not stored");
  await http.stores.subscriptionStore.replace(
    { ...stored, sink: "https://events.example.com/" },
    { expected: stored.version, note: noteFor("subscription.changed") },
  );
  expect((await patch(http, json.id, { status: "paused" })).json.status).toBe("paused");
});

it("PATCH of the secret lets the old one sign along for a day", async () => {
  const http = fakeHttp();
  const { id } = (await create(http, { secret: SECRET })).json;
  const until = http.clock.now() + 86_400_000;
  expect((await patch(http, id, { secret: OTHER_SECRET })).text).not.toContain("whsec");
  const rotated = [
    { secret: OTHER_SECRET, untilMs: null },
    { secret: SECRET, untilMs: until },
  ];
  expect(await secretsOf(http, id)).toEqual(rotated);
  http.clock.advance(1_000);
  await patch(http, id, { secret: OTHER_SECRET });
  expect(await secretsOf(http, id)).toEqual(rotated);
  // Back to the old one: it stands once.
  await patch(http, id, { secret: SECRET });
  expect(await secretsOf(http, id)).toEqual([
    { secret: SECRET, untilMs: null },
    { secret: OTHER_SECRET, untilMs: until + 1_000 },
  ]);
  http.clock.advance(86_400_001);
  await patch(http, id, { name: "later" });
  expect(await secretsOf(http, id)).toEqual([{ secret: SECRET, untilMs: null }]);
});

it("PATCH refuses one secret more than may sign at a time", async () => {
  const http = fakeHttp();
  const { id } = (await create(http, { secret: SECRET })).json;
  const numbered = (number: number) => ({ secret: `whsec_${String(number).padStart(32, "0")}` });
  for (const number of [1, 2, 3]) expect((await patch(http, id, numbered(number))).status).toBe(200);
  const refused = await patch(http, id, numbered(4));
  expect([refused.status, pointers(refused)]).toEqual([422, ["/secret"]]);
  http.clock.advance(86_400_001);
  expect((await patch(http, id, numbered(4))).status).toBe(200);
});

it("PATCH pauses and resumes, and the routes and the held deliveries follow", async () => {
  const http = fakeHttp();
  const { id } = (await create(http)).json;
  expect((await patch(http, id, { status: "paused" })).json.status).toBe("paused");
  // What it takes meanwhile is held, so it is matched as ever.
  expect(http.routes.changes.at(-1)).toMatchObject({ wanted: expect.any(String) });
  expect((await patch(http, id, { name: "still paused" })).json.status).toBe("paused");
  expect(http.counts.resumed).toBe(0);
  expect((await patch(http, id, { status: "active" })).json.status).toBe("active");
  expect(http.routes.changes.at(-1)).toMatchObject({ wanted: expect.any(String) });
  expect(http.counts).toEqual({ resumed: 1, background: 1 });
  await patch(http, id, { status: "active" });
  expect(http.counts.resumed).toBe(1);
});

it("PATCH that resumes says from where: from what is held, from now, or from a time", async () => {
  // 60 s ahead are the difference of two clocks, and count as now.
  const now = Date.parse("2026-01-02T03:04:05.678Z");
  for (const [resume_from, fromMs] of [
    [undefined, 0],
    [null, 0],
    ["last", 0],
    ["latest", now],
    ["2026-01-02T03:04:05.677Z", now - 1],
    ["2026-01-02T04:04:05.6779+01:00", now - 1],
    ["2026-01-02T03:04:05.678Z", now],
    ["2026-01-02T03:05:05.678Z", now],
    ["1969-12-31T23:59:59Z", 0],
  ] as const) {
    for (const status of ["paused", "disabled"] as const) {
      const http = fakeHttp();
      const { id } = (await create(http, { status: status === "paused" ? status : "active" })).json;
      const disabling = { reason: "gone", attemptedMs: now, now, auditId: "aud_1" };
      if (status === "disabled") await http.stores.subscriptionStore.disable("default", id, disabling);
      const answer = await patch(http, id, { status: "active", resume_from, name: "resumed" });
      expect([answer.status, answer.json.status, answer.json.name]).toEqual([200, "active", "resumed"]);
      expect(answer.json).not.toHaveProperty("resume_from");
      expect(http.stores.world.resumedFrom.get(id), String(resume_from)).toBe(fromMs);
      expect(http.counts.resumed).toBe(1);
      const after = JSON.parse(http.stores.entries.at(-1)?.after ?? "null");
      expect(after.resume_from).toBe(resume_from ?? undefined);
    }
  }
});

it("PATCH refuses a place to resume from that is none, lies ahead, or goes with no resumption", async () => {
  const http = fakeHttp();
  const [paused, active] = [(await create(http, { status: "paused" })).json, (await create(http)).json];
  const before = http.stores.stored();
  const PLACE = "must be last, latest or a time as in RFC 3339, like 2026-01-31T12:00:00Z";
  const UNLESS = "must be absent unless status is set to active";
  const ALREADY = "must be absent, because the subscription is active already";
  for (const [of, json, words] of [
    [paused, { status: "active", resume_from: "first" }, PLACE],
    [paused, { status: "active", resume_from: "" }, PLACE],
    [paused, { status: "active", resume_from: "Latest" }, PLACE],
    [paused, { status: "active", resume_from: "2026-01-02" }, PLACE],
    [paused, { status: "active", resume_from: "2026-02-30T00:00:00Z" }, PLACE],
    [paused, { status: "active", resume_from: 1_767_000_000_000 }, "must be a string"],
    [paused, { status: "active", resume_from: "2026-01-02T03:05:05.679Z" }, "must not be in the future"],
    [paused, { resume_from: "last" }, UNLESS],
    [paused, { status: "paused", resume_from: "latest" }, UNLESS],
    [active, { status: "paused", resume_from: "latest" }, ALREADY],
    [active, { status: "active", resume_from: "last" }, ALREADY],
    [active, { ...active, resume_from: "latest" }, ALREADY],
    [active, { resume_from: "latest" }, ALREADY],
  ] as const) {
    const answer = await patch(http, of.id, json);
    expect([answer.status, answer.json.errors], JSON.stringify(json)).toEqual([
      422,
      [{ pointer: "/resume_from", detail: `resume_from ${words}` }],
    ]);
  }
  // With what else is wrong.
  expect(pointers(await patch(http, paused.id, { status: "nope", resume_from: "x" })).toSorted()).toEqual([
    "/resume_from",
    "/status",
  ]);
  expect(pointers(await create(http, { resume_from: "latest" }))).toEqual(["/resume_from"]);
  expect(http.stores.stored()).toBe(before);
  expect(http.counts.resumed).toBe(0);
});

it("a disabled subscription says why, stays so through other changes, and is cured by a status", async () => {
  for (const status of ["active", "paused"]) {
    const http = fakeHttp();
    const { id } = (await create(http)).json;
    await http.stores.subscriptionStore.disable("default", id, {
      reason: "gone",
      attemptedMs: Number.MAX_SAFE_INTEGER,
      now: http.clock.now(),
      auditId: "aud_1",
    });
    expect((await http.ask("GET", `/v1/subscriptions/${id}`)).json).toMatchObject({
      status: "disabled",
      disabled_reason: "gone",
    });
    expect((await patch(http, id, { sink: "https://new.example.com/" })).json).toMatchObject({
      status: "disabled",
      disabled_reason: "gone",
    });
    expect(http.routes.changes.at(-1)).toMatchObject({ wanted: expect.any(String) });
    expect((await patch(http, id, { status })).json).toMatchObject({ status, disabled_reason: null });
  }
});

it("PATCH with If-Match changes only that version", async () => {
  const http = fakeHttp();
  const { id } = (await create(http)).json;
  for (const tag of ['"1"', '"3"', 'W/"3"', '"two"', '""', '"2.0"', '"1", "3"', 'W/"1", "3"']) {
    const answer = await patch(http, id, { name: "a" }, { "if-match": tag });
    expect([tag, answer.status, slug(answer)]).toEqual([tag, 412, "version-mismatch"]);
  }
  for (const tag of ["2", "", '"2', '"2" "3"', "*, *", "W/2", 'w/"2"', 'W/ "2"']) {
    const answer = await patch(http, id, { name: "a" }, { "if-match": tag });
    expect([tag, answer.status, slug(answer)]).toEqual([tag, 400, "invalid-header"]);
  }
  expect((await patch(http, id, { name: "a" }, { "if-match": '"2"' })).json.version).toBe(3);
  expect((await patch(http, id, { name: "b" }, { "if-match": '"9", "3"' })).json.version).toBe(4);
  expect((await patch(http, id, { name: "c" }, { "if-match": "*" })).json.version).toBe(5);
  // What a network makes of an ETag when it compresses the answer.
  expect((await patch(http, id, { name: "d" }, { "if-match": 'W/"5"' })).json.version).toBe(6);
  expect((await patch(http, id, { name: "e" }, { "if-match": '"1", W/"6"' })).json.version).toBe(7);
});

it("PATCH that loses a race reads again and changes what it named alone; with If-Match it is told", async () => {
  const { subscriptionStore } = fakeHttp().stores;
  const race = { left: 0 };
  const http = fakeHttp(undefined, {
    subscriptions: {
      ...subscriptionStore,
      async replace(subscription, expected) {
        const current = await subscriptionStore.get(subscription.bus, subscription.id);
        if (race.left-- > 0 && current !== null)
          await subscriptionStore.replace({ ...current, format: "binary" }, expected);
        return subscriptionStore.replace(subscription, expected);
      },
    },
  });
  const { id, version } = (await create(http)).json;
  race.left = CHANGE_TRIES_MAX - 1;
  expect((await patch(http, id, { name: "mine" })).json).toMatchObject({ name: "mine", format: "binary" });
  race.left = CHANGE_TRIES_MAX;
  const lost = await patch(http, id, { name: "yours" });
  expect([lost.status, lost.headers.get("retry-after")]).toEqual([503, "5"]);
  race.left = 1;
  const current = version + 2 * CHANGE_TRIES_MAX;
  expect((await patch(http, id, { name: "theirs" }, { "if-match": `"${current}"` })).status).toBe(412);
});

it("an answer that is edited and sent back changes what was edited and nothing else", async () => {
  const http = fakeHttp();
  const made = (await create(http, { secret: SECRET, headers: { "x-a": "1" }, retry: { permanent: [404] } })).json;
  const { id } = made;
  http.clock.advance(1_000);
  const first = await patch(http, id, { ...made, name: "first" });
  expect([first.status, first.json]).toMatchObject([200, { name: "first", version: 3 }]);
  // The time at which a change is live differs between the answer to it and a later one.
  http.clock.advance(1_000);
  await http.stores.subscriptionStore.disable("default", id, {
    reason: "gone",
    attemptedMs: Number.MAX_SAFE_INTEGER,
    now: http.clock.now(),
    auditId: "aud_1",
  });
  const shown = (await http.ask("GET", `/v1/subscriptions/${id}`)).json;
  const edited = await patch(http, id, { ...shown, name: "second", effective_at: "later" });
  expect(edited.json).toMatchObject({ name: "second", status: "disabled", disabled_reason: "gone" });
  expect(await http.stores.subscriptionStore.get("default", id)).toMatchObject({
    headers: { "x-a": "1" },
    secrets: [{ secret: SECRET, untilMs: null }],
  });
  const stale = await patch(http, id, shown);
  expect([stale.status, pointers(stale)]).toEqual([422, ["/version"]]);
  expect(stale.json.detail).toBe("version cannot be changed, it is 5");
  const cured = await patch(http, id, { ...edited.json, status: "active" });
  expect(cured.json).toMatchObject({ status: "active", disabled_reason: null });
});

it("what cannot be opened is named, hides nothing else, and is healed or left by a PATCH, never emptied by it", async () => {
  const { subscriptionStore } = fakeHttp().stores;
  const lost = { secrets: false, headers: false };
  const veiled = (row: StoredSubscription) => ({
    ...row,
    secrets: lost.secrets ? null : row.secrets,
    headers: lost.headers ? null : row.headers,
  });
  const http = fakeHttp(undefined, {
    subscriptions: {
      ...subscriptionStore,
      async get(bus, id) {
        const row = await subscriptionStore.get(bus, id);
        return row && veiled(row);
      },
      async list(bus, page) {
        const { rows, next } = await subscriptionStore.list(bus, page);
        return { rows: rows.map(veiled), next };
      },
    },
  });
  const made = (await create(http, { secret: SECRET, headers: { "x-a": "1", "x-b": "2" } })).json;
  const path = `/v1/subscriptions/${made.id}`;
  const stored = async () => {
    const row = await subscriptionStore.get("default", made.id);
    return { secrets: row?.secrets?.map(({ secret }) => secret), headers: row?.headers, status: row?.status };
  };
  Object.assign(lost, { secrets: true, headers: true });

  const shown = await http.ask("GET", path);
  const { headers: _, effective_at: __, ...readable } = made;
  expect([shown.status, shown.json]).toMatchObject([200, { ...readable, unreadable: ["secret", "headers"] }]);
  // It became so under the version that a poller has.
  const polled = await http.ask("GET", path, { headers: { "if-none-match": `"${made.version}"` } });
  expect([polled.status, polled.json]).toEqual([200, shown.json]);
  expect(shown.json).not.toHaveProperty("headers");
  expect((await http.ask("GET", "/v1/subscriptions")).json.data).toEqual([shown.json]);

  const untouched = { secrets: [SECRET], headers: { "x-a": "1", "x-b": "2" } };
  for (const members of [{}, { status: "paused" }, { headers: {} }, { headers: { "x-a": null } }]) {
    expect((await patch(http, made.id, members)).json).toMatchObject({ unreadable: ["secret", "headers"] });
    expect(await stored()).toEqual({
      ...untouched,
      status: Object.hasOwn(members, "status") ? "paused" : expect.anything(),
    });
  }
  expect((await patch(http, made.id, (await http.ask("GET", path)).json)).status).toBe(200);
  expect(await stored()).toMatchObject(untouched);
  expect(pointers(await patch(http, made.id, { secret: null, headers: { "x-a": "…" } })).toSorted()).toEqual([
    "/headers/x-a",
    "/secret",
  ]);

  const healed = await patch(http, made.id, { secret: OTHER_SECRET, headers: { "x-c": "3" } });
  expect(healed.json).toMatchObject({ headers: { "x-c": "…" } });
  expect(healed.json).not.toHaveProperty("unreadable");
  expect(await stored()).toMatchObject({ secrets: [OTHER_SECRET], headers: { "x-c": "3" } });
  await patch(http, made.id, { headers: null });
  expect((await stored()).headers).toEqual({});
  expect((await http.ask("DELETE", path)).status).toBe(204);
});
