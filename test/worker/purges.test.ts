// What is kept for a time only: expired keys, the audit, remembered requests. At the time and a moment before it, and more than a step takes.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import {
  AUDIT_KEPT_MS,
  AUDIT_MARGIN_MS,
  IDEMPOTENCY_KEPT_MS,
  KEY_EXPIRED_KEPT_MS,
  ROUTES_CHANGES_MAX,
  SWEEP_ROWS_MAX,
  TOMBSTONE_MS,
} from "../../src/core/limits.ts";
import { d1Changes } from "../../src/d1/changes.ts";
import { count, rows, run } from "./records.ts";
import { createTestRouter } from "./router.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
});

const NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)";

describe("expired keys", () => {
  const putKeys = async (bus: string, many: number, expiresMs: number | null): Promise<void> => {
    await run(
      "INSERT INTO buses (bus, version, created_ms, updated_ms) VALUES (?1, 1, 0, 0) ON CONFLICT DO NOTHING",
      bus,
    );
    await run(
      `${NUMBERS} INSERT INTO keys (bus, id, version, status, hash, name, scopes, types, allowed_origins, replaced_by, created_ms, updated_ms, expires_ms)
       SELECT ?2, printf('key_%s_%s', ?3, i), 1, 'active', printf('%s %s %s', ?2, ?3, i), 'name', '["publish"]', '["t"]', '["https://a.example"]', 'key_next',
         0, 0, ?3 FROM n`,
      many,
      bus,
      expiresMs,
    );
    await run("UPDATE buses SET keys = (SELECT count(*) FROM keys k WHERE k.bus = buses.bus AND k.status = 'active')");
  };
  const keysOf = async (bus: string) =>
    (await rows<{ keys: number }>("SELECT keys FROM buses WHERE bus = ?1", bus)).map(({ keys }) => keys)[0];

  it("become tombstones when they were expired for a week, each with a version of its own, and are counted down", async () => {
    const over = stage.clock.now() - KEY_EXPIRED_KEPT_MS;
    await putKeys("eu", 3, over - 1);
    await putKeys("eu", 2, over);
    await putKeys("eu", 1, null);
    await putKeys("us", 2, over - 5);
    await putKeys("us", 1, stage.clock.now() + 1);
    const before = (await env.DB.prepare("SELECT version FROM meta").first<number>("version")) ?? 0;
    await stage.router.sweep();
    const gone = await rows<{ version: number }>(
      "SELECT bus, version, hash, name, types, allowed_origins, replaced_by, updated_ms FROM keys WHERE status = 'deleted' ORDER BY version",
    );
    expect(gone.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5].map((place) => before + place));
    expect(gone).toMatchObject(
      Array.from({ length: 5 }, () => ({
        hash: "",
        name: null,
        types: null,
        allowed_origins: null,
        replaced_by: null,
        updated_ms: stage.clock.now(),
      })),
    );
    expect([await keysOf("eu"), await keysOf("us")]).toEqual([3, 1]);
    expect(await env.DB.prepare("SELECT version FROM meta").first<number>("version")).toBe(before + 5);

    stage.clock.advance(1);
    await stage.router.sweep();
    expect([await keysOf("eu"), await keysOf("us")]).toEqual([1, 1]);
    // Tombstones go in their turn.
    stage.clock.advance(TOMBSTONE_MS + 1);
    await stage.router.sweep();
    expect(await count("keys")).toBe(2);
    // With nothing to do no version is taken.
    const after = await env.DB.prepare("SELECT version FROM meta").first<number>("version");
    await stage.router.sweep();
    expect(await env.DB.prepare("SELECT version FROM meta").first<number>("version")).toBe(after);
  });

  it("reach the caches one by one, however many they are and however a page is cut", async () => {
    const many = 2 * SWEEP_ROWS_MAX + 7;
    await putKeys("eu", many, stage.clock.now() - KEY_EXPIRED_KEPT_MS - 1);
    const feed = d1Changes({ db: env.DB });
    let { version } = await feed.since(Number.MAX_SAFE_INTEGER, ["eu"]);
    await stage.router.sweep();
    expect(await keysOf("eu")).toBe(0);
    const heard = new Set<string>();
    for (;;) {
      const { changes } = await feed.since(version, ["eu"]);
      for (const change of changes) if (change.kind === "key" && change.grant === null) heard.add(change.id);
      version = changes.at(-1)?.version ?? version;
      if (changes.length < ROUTES_CHANGES_MAX) break;
    }
    expect(heard.size).toBe(many);
  });

  it("spares one that was given more time", async () => {
    await putKeys("eu", 1, stage.clock.now() - KEY_EXPIRED_KEPT_MS - 1);
    await run("UPDATE keys SET expires_ms = ?1", stage.clock.now() + 1_000);
    await stage.router.sweep();
    expect(await count("keys WHERE status = 'active'")).toBe(1);
  });
});

it("remembered requests go after a day, in steps", async () => {
  const put = (many: number, beganMs: number) =>
    run(
      `${NUMBERS} INSERT INTO idempotency (bus, actor, key, fingerprint, began_ms, seed) SELECT 'default', 'root', ?2 || '-' || i, 'f', ?2, 's' FROM n`,
      many,
      beganMs,
    );
  const now = stage.clock.now();
  await put(2 * SWEEP_ROWS_MAX + 1, now - IDEMPOTENCY_KEPT_MS - 1);
  await put(2, now - IDEMPOTENCY_KEPT_MS);
  await put(3, now);
  await stage.router.sweep();
  expect(await count("idempotency")).toBe(5);
  stage.clock.advance(1);
  await stage.router.sweep();
  expect(await count("idempotency")).toBe(3);
});

it("the audit goes after its time and never before, which the database itself holds", async () => {
  // The trigger goes by the clock of the database, so this one does too.
  const router = createTestRouter();
  const now = Date.now();
  const put = (bus: string, many: number, atMs: number) =>
    run(
      `${NUMBERS} INSERT INTO audit (bus, id, at_ms, actor, action, target) SELECT ?2, 'aud_' || ?3 || '_' || i, ?3, 'root', 'key.created', 'x' FROM n`,
      many,
      bus,
      atMs,
    );
  const kept = AUDIT_KEPT_MS + AUDIT_MARGIN_MS;
  await put("default", 2 * SWEEP_ROWS_MAX + 1, now - kept - 60_000);
  await put("default", 2, now - kept + 60_000);
  await put("default", 3, now);
  await router.sweep();
  expect(await count("audit")).toBe(5);
  await expect(run("DELETE FROM audit WHERE at_ms = ?1", now)).rejects.toThrow("append-only");
});

it("each goes on when another fails", async () => {
  const now = stage.clock.now();
  await run(
    "INSERT INTO idempotency (bus, actor, key, fingerprint, began_ms, seed) VALUES ('default', 'root', 'k', 'f', 1, 's')",
  );
  await run("INSERT INTO erasures (event_id, bus, erased_ms) VALUES ('evt_x', 'default', 1)");
  await run("INSERT INTO bodies (event_id, stored_ms, body) VALUES ('evt_y', 1, '')");
  // The clock of the database is behind: its trigger refuses.
  await run(
    "INSERT INTO audit (bus, id, at_ms, actor, action, target) VALUES ('default', 'aud_x', ?1, 'root', 'key.created', 'x')",
    now,
  );
  stage.clock.advance(AUDIT_KEPT_MS + AUDIT_MARGIN_MS + 1);
  await expect(stage.router.sweep()).rejects.toThrow("append-only");
  expect(stage.lines("sweep.failed").map(({ fields }) => fields["step"])).toEqual(["purge_audit"]);
  expect([await count("idempotency"), await count("erasures"), await count("bodies")]).toEqual([0, 0, 0]);
});
