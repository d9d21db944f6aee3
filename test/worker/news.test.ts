// What `isNews` calls no news is left out of what first attempts observe where only failures are recorded: here it is observed all the same, and must
// change nothing.
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, expect, it } from "vitest";
import type { Settlement } from "../../src/core/delivery.ts";
import type { KnownHealth } from "../../src/core/health.ts";
import { LATENCY_NOTED_MS, LEASE_MS, SLOW_ATTEMPT_MS } from "../../src/core/limits.ts";
import { isNews } from "../../src/core/outcome.ts";
import { createVault } from "../../src/core/vault.ts";
import { d1Log } from "../../src/d1/log.ts";
import { HEALTH_COLUMNS, type PushRow } from "../../src/d1/subscriptions.ts";

const NOW_MS = 1_800_000_000_000;
const TOKEN = "t1";
const SINK = { bus: "default", subscriptionId: "sub_a" } as const;
const db = env.DB;
const log = d1Log({ db, vault: createVault([new Uint8Array(32)]) });

const healthRows = async (): Promise<unknown> => (await db.prepare("SELECT * FROM health").all()).results;

type KnownRow = Pick<PushRow, "failures" | "latency_ms" | "lane" | "is_clean">;

/** As a claim knows it. */
async function known(): Promise<KnownHealth> {
  const row = await db.prepare(`SELECT ${HEALTH_COLUMNS} FROM health h`).first<KnownRow>();
  const { failures, latency_ms: latencyMs, lane, is_clean: isClean } = row ?? expect.fail("no health");
  return { failures, latencyMs, lane, isClean: isClean === 1 };
}

/** Each took so long, and is in the claim of TOKEN. */
async function claimed(durationsMs: readonly number[]): Promise<Settlement[]> {
  const settlements = durationsMs.map((duration_ms, index): Settlement => ({
    key: { ...SINK, seq: `s${index}`, run: "" },
    eventId: `evt_${index}`,
    outcome: { kind: "delivered" },
    attempt: { attempt: 1, at_ms: NOW_MS - duration_ms, duration_ms, status: 200, error: null, answer: null },
    sign: { works: true, pausedUntilMs: null, disables: null, ignored: 0 },
  }));
  const keys = settlements.map(({ key: { bus, seq, subscriptionId, run } }) => [bus, seq, subscriptionId, run]);
  const delivery = db.prepare(
    "INSERT INTO deliveries (bus, seq, subscription_id, run, state, attempt, tries, claim) VALUES (?1, ?2, ?3, ?4, 'claimed', 1, 1, ?5)",
  );
  await db.batch([
    ...keys.map((key) => delivery.bind(...key, TOKEN)),
    db
      .prepare("INSERT INTO claims (token, lease_ms, keys, lane, bus) VALUES (?1, ?2, ?3, 'fast', '')")
      .bind(TOKEN, NOW_MS + LEASE_MS, JSON.stringify(keys)),
  ]);
  return settlements;
}

async function clear(): Promise<void> {
  const tables = ["claims", "deliveries", "health", "subscriptions"];
  await db.batch([
    ...tables.map((table) => db.prepare(`DELETE FROM ${table}`)),
    db
      .prepare(
        `INSERT INTO subscriptions (bus, id, version, status, sink, wanted, format, timeout_ms, retry, secrets, headers, created_ms, updated_ms)
         VALUES (?1, ?2, 1, 'active', 'https://sink.example/', '{}', 'structured', 1000, '{}', '', '', 0, 0)`,
      )
      .bind(SINK.bus, SINK.subscriptionId),
  ]);
}
beforeEach(clear);

/** Averages have fractions. Some are near what makes a sink slow, and some where the least difference that is noted matters. */
const latency = fc.oneof(
  fc.double({ min: 0, max: 3 * LATENCY_NOTED_MS, noNaN: true }),
  fc.double({ min: 0, max: 2 * SLOW_ATTEMPT_MS, noNaN: true }),
);
const health = fc.record({
  latencyMs: latency,
  failures: fc.constantFrom(0, 0, 0, 0, 1),
  failureRate: fc.constantFrom(0, 0, 0, 0, 0.01, 0.3),
  lane: fc.constantFrom("fast", "fast", "fast", "slow"),
  pausedUntilMs: fc.constantFrom(0, 0, 0, NOW_MS - 1, NOW_MS + 1),
});
/** Of the average, in parts of what is noted: 1 is as far off as may be. */
const distances = fc.array(fc.oneof(fc.constantFrom(-1, 1), fc.double({ min: -1.2, max: 1.2, noNaN: true })), {
  minLength: 1,
  maxLength: 6,
});

it("what isNews() calls no news changes no health, observed alone or together", { timeout: 120_000 }, async () => {
  const met = { together: 0, news: 0, slow: 0 };
  await fc.assert(
    fc.asyncProperty(health, distances, async ({ latencyMs, failures, failureRate, lane, pausedUntilMs }, parts) => {
      await clear();
      await db
        .prepare(
          `INSERT INTO health (bus, subscription_id, latency_ms, failures, failure_rate, lane, paused_until_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
        )
        .bind(SINK.bus, SINK.subscriptionId, latencyMs, failures, failureRate, lane, pausedUntilMs)
        .run();
      const before = await known();
      const noted = Math.max(latencyMs / 2, LATENCY_NOTED_MS);
      const settlements = await claimed(parts.map((part) => Math.max(0, Math.round(latencyMs + part * noted))));
      const quiet = settlements.filter((settlement) => !isNews(settlement, before));
      met.news += settlements.length - quiet.length;
      met.slow += settlements.filter(({ attempt }) => (attempt?.duration_ms ?? 0) > SLOW_ATTEMPT_MS).length;
      if (quiet.length > 1) met.together += 1;
      const rows = await healthRows();
      const { changes } = await log.settle(quiet, { token: TOKEN, now: NOW_MS, open: [] });
      expect([changes, await healthRows()]).toEqual([[], rows]);
    }),
    { numRuns: 300 },
  );
  for (const [name, count] of Object.entries(met)) expect(count, name).toBeGreaterThan(0);
});
