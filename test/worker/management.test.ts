// The management API over real D1: lost answers and crashes of requests that carry an Idempotency-Key, and the rotation of the
// deployment's own keys.
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { flakyDb, type FlakyDb } from "./flaky-db.ts";
import { createTestRouter, ROOT_KEY, type TestRouter } from "./router.ts";

const SINK = "https://sink.example.com/";
const OLD_ENCRYPTION = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NEW_ENCRYPTION = "HxwdHhsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

const count = async (table: string): Promise<number> =>
  (await env.DB.prepare(`SELECT count(*) AS n FROM ${table}`).first<number>("n")) ?? 0;

let keys = 0;

interface Made {
  readonly id: string;
  readonly key: string;
  readonly secret: string;
}

async function post(router: TestRouter, path: string, body: unknown, idempotencyKey?: string) {
  const headers: Record<string, string> = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
  const response = await router.request(path, router.post(path, body, { headers }));
  return {
    status: response.status,
    replayed: response.headers.get("idempotent-replayed"),
    json: await response.json<Made>(),
  };
}

/** Loses or refuses the first call that holds such a statement. */
function failOnce(flaky: FlakyDb, fate: "fail-before" | "fail-after", part: string): void {
  let left = 1;
  flaky.fate = (statements) => (statements.some((sql) => sql.includes(part)) && left-- > 0 ? fate : "pass");
}

const publishStatus = async (router: TestRouter, key: string): Promise<number> =>
  (await router.publish({ type: "t" }, { key })).status;

/** What each POST makes, the statement that makes it, and where. */
const POSTS = [
  { name: "a key", table: "keys", made: 1, prepare: async () => ["/v1/keys", { scopes: ["publish"] }] as const },
  {
    name: "a subscription",
    table: "subscriptions",
    made: 1,
    prepare: async () => ["/v1/subscriptions", { sink: SINK }] as const,
  },
  {
    name: "a rotation",
    table: "keys",
    made: 1,
    prepare: async (router: TestRouter) => {
      const { json } = await post(router, "/v1/keys", { scopes: ["publish"] });
      return [`/v1/keys/${json.id}/rotate`, { overlap_s: 0 }] as const;
    },
  },
] as const;

describe.each(POSTS)("$name", ({ table, made, prepare }) => {
  it.each([
    ["not stored", "fail-before", `INSERT INTO ${table}`, 503],
    ["stored and not heard of", "fail-after", `INSERT INTO ${table}`, 503],
    ["stored, its answer not", "fail-before", "seed, answer) VALUES", 201],
    ["stored, and its answer without word", "fail-after", "seed, answer) VALUES", 201],
    ["begun and not heard of", "fail-after", "INSERT INTO idempotency", 503],
  ] as const)("%s: sent again it is made once and answered in full", async (_what, fate, statement, status) => {
    const flaky = flakyDb(env.DB);
    const router = createTestRouter({ DB: flaky.db });
    const [path, body] = await prepare(router);
    const before = [await count(table), await count("audit")];
    const idempotencyKey = `crash-${++keys}`;
    failOnce(flaky, fate, statement);
    const first = await post(router, path, body, idempotencyKey);
    expect(first.status).toBe(status);
    // Another isolate, which knows nothing of the first.
    const again = await post(createTestRouter(), path, body, idempotencyKey);
    expect(again.status).toBe(201);
    if (status === 201) expect(again.json).toMatchObject({ id: first.json.id });
    const entries = path.endsWith("rotate") ? 2 : 1;
    expect([await count(table), await count("audit")]).toEqual([(before[0] ?? 0) + made, (before[1] ?? 0) + entries]);
    if (table === "keys") expect(await publishStatus(createTestRouter(), again.json.key)).toBe(202);
    else expect(again.json.secret).toMatch(/^whsec_/);
    const third = await post(router, path, body, idempotencyKey);
    expect([third.status, third.replayed, third.json]).toEqual([201, "true", again.json]);
  });

  it("many at once, in as many isolates, make one, and all show it", async () => {
    const [path, body] = await prepare(createTestRouter());
    const before = await count(table);
    const idempotencyKey = `race-${++keys}`;
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post(createTestRouter(), path, body, idempotencyKey)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 201));
    expect(new Set(answers.map(({ json }) => `${json.id} ${json.key} ${json.secret}`)).size).toBe(1);
    expect(await count(table)).toBe(before + made);
  });
});

it("nothing that a key or a seed can be had from is stored in the clear", async () => {
  const { json } = await post(createTestRouter(), "/v1/keys", { scopes: ["publish"] }, "sealed");
  for (const table of ["idempotency", "keys", "audit"]) {
    const { results } = await env.DB.prepare(`SELECT * FROM ${table}`).all();
    expect(JSON.stringify(results)).not.toContain(json.key);
  }
});

it("ROOT_KEY rotates: the old key, both, the new one", async () => {
  const next = "next-root-key-for-tests";
  const statuses = async (list: string) => {
    const router = createTestRouter({ ROOT_KEY: list });
    return Promise.all([ROOT_KEY, next].map(async (key) => (await router.request("/v1/keys", { key })).status));
  };
  expect(await statuses(ROOT_KEY)).toEqual([200, 401]);
  expect(await statuses(`${next},${ROOT_KEY}`)).toEqual([200, 200]);
  expect(await statuses(next)).toEqual([401, 200]);
});

it("ROOT_KEY rotates: a request is remembered for root, whichever of its keys sent it", async () => {
  const next = "next-root-key-for-tests";
  const first = await post(createTestRouter(), "/v1/keys", { scopes: ["read"] }, "root-rotates");
  const router = createTestRouter({ ROOT_KEY: next });
  const headers = { "idempotency-key": "root-rotates" };
  const again = await router.request("/v1/keys", {
    ...router.post("/v1/keys", { scopes: ["read"] }, { headers }),
    key: next,
  });
  expect(again.headers.get("idempotent-replayed")).toBe("true");
  expect(await again.json()).toEqual(first.json);
});

it("ENCRYPTION_KEY rotates: what the old one made works while it is in the list, and what was renewed after it", async () => {
  const [old, both, renewed] = [OLD_ENCRYPTION, `${NEW_ENCRYPTION},${OLD_ENCRYPTION}`, NEW_ENCRYPTION].map((list) =>
    createTestRouter({ ENCRYPTION_KEY: list }),
  );
  if (old === undefined || both === undefined || renewed === undefined) throw new Error("There are three routers");
  const subscription = { sink: SINK, headers: { "x-token": "t" } };
  const key = (await post(old, "/v1/keys", { scopes: ["publish"] })).json;
  const kept = (await post(old, "/v1/subscriptions", subscription)).json;
  const left = (await post(old, "/v1/subscriptions", subscription)).json;
  const remembered = await post(old, "/v1/keys", { scopes: ["read"] }, "encryption-rotates");

  expect(await publishStatus(both, key.key)).toBe(202);
  const successor = (await post(both, `/v1/keys/${key.id}/rotate`, { overlap_s: 60 })).json;
  const patch = { name: "renewed" };
  await both.json(`/v1/subscriptions/${kept.id}`, { ...both.post("", patch), method: "PATCH" });
  const replay = await post(both, "/v1/keys", { scopes: ["read"] }, "encryption-rotates");
  expect([replay.replayed, replay.json]).toEqual(["true", remembered.json]);
  for (const one of [key, successor]) expect(await publishStatus(both, one.key)).toBe(202);

  expect(await publishStatus(renewed, successor.key)).toBe(202);
  expect(await publishStatus(renewed, key.key)).toBe(401);
  const shown = (id: string) => renewed.json<{ unreadable?: string[] }>(`/v1/subscriptions/${id}`);
  expect(await shown(kept.id)).not.toHaveProperty("unreadable");
  expect((await shown(left.id)).unreadable).toEqual(["secret", "headers"]);
  const lost = await post(renewed, "/v1/keys", { scopes: ["read"] }, "encryption-rotates");
  expect(lost.status).toBe(500);
});

it("every list goes on where it was, whatever comes and goes between its pages", async () => {
  const router = createTestRouter();
  const bus = { headers: { "fantail-bus": "listed" } };
  await router.json("/v1/buses/listed", { method: "PUT" });
  for (const [path, body] of [
    ["/v1/keys", { scopes: ["read"] }],
    ["/v1/subscriptions", { sink: SINK }],
    ["/v1/audit", null],
  ] as const) {
    const add = async () => {
      const target = path === "/v1/audit" ? "/v1/keys" : path;
      return router.json<Made>(target, router.post(target, body ?? { scopes: ["read"] }, bus));
    };
    const listed = async (cursor: string | null) =>
      router.json<{ data: { id: string }[]; next_cursor: string | null }>(
        `${path}?limit=2${cursor === null ? "" : `&cursor=${cursor}`}`,
        bus,
      );
    for (let index = 0; index < 7; index++) await add();
    const before: string[] = [];
    for (let cursor: string | null = null, page; page === undefined || cursor !== null; cursor = page.next_cursor) {
      page = await listed(cursor);
      before.push(...page.data.map(({ id }) => id));
    }
    const seen: string[] = [];
    const removed: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await listed(cursor);
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor;
      await add();
      const [gone, ahead] = [page.data.at(-1)?.id, before.find((id) => !seen.includes(id) && !removed.includes(id))];
      if (path === "/v1/audit" || gone === undefined) continue;
      // The row that the cursor names goes, and one that is still to come.
      await router.request(`${path}/${gone}`, { method: "DELETE", ...bus });
      if (ahead !== undefined) {
        await router.request(`${path}/${ahead}`, { method: "DELETE", ...bus });
        removed.push(ahead);
      }
    } while (cursor !== null);
    expect(seen, path).toEqual(before.filter((id) => !removed.includes(id)));
  }
});
