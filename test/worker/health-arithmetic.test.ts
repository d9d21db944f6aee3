// The arithmetic of sinks' health in SQL against the same in TypeScript, written apart: random settlements in batches, of tokens that
// interleave, come late, or come twice.
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, expect, it } from "vitest";
import type { DeliveryKey, Settlement } from "../../src/core/delivery.ts";
import type { Lane, Sign, SinkChange } from "../../src/core/health.ts";
import {
  BREAKER_DOUBLINGS_MAX,
  BREAKER_FAILURE_RATE,
  BREAKER_FAILURES,
  BREAKER_OPEN_MS,
  FAILURE_RATE_NOTED,
  FAILURE_WEIGHT,
  LANE_FAST_LATENCY_MS,
  LATENCY_NOTED_MS,
  LATENCY_WEIGHT,
  LEASE_MS,
  SLOW_ATTEMPT_MS,
} from "../../src/core/limits.ts";
import { createVault } from "../../src/core/vault.ts";
import { changesIn, observe } from "../../src/d1/health.ts";
import { d1Log } from "../../src/d1/log.ts";

const START_MS = 1_800_000_000_000;
const BUS = "default";
const db = env.DB;
const log = d1Log({ db, vault: createVault([new Uint8Array(32)]) });
const SUBSCRIPTIONS = ["sub_a", "sub_b"] as const;
/** Deleted, and never there. */
const STRANGERS = ["sub_c", "sub_d"] as const;
const TOKENS = ["t1", "t2"] as const;

// ---- The model ---------------------------------------------------------------------------------------------------

interface Health {
  lane: Lane;
  latency_ms: number | null;
  failure_rate: number;
  failures: number;
  failing_since_ms: number | null;
  breaker: "closed" | "open" | "half-open";
  opened_ms: number | null;
  openings: number;
  closed_ms: number | null;
  probe_ms: number | null;
  probe: string | null;
  paused_until_ms: number;
  parking: number;
}

const UNKNOWN: Health = {
  lane: "fast",
  latency_ms: null,
  failure_rate: 0,
  failures: 0,
  failing_since_ms: null,
  breaker: "closed",
  opened_ms: null,
  openings: 0,
  closed_ms: null,
  probe_ms: null,
  probe: null,
  paused_until_ms: 0,
  parking: 0,
};

/** What one batch saw of one sink. */
interface Sight {
  readonly key: DeliveryKey;
  readonly settlement: Settlement | null;
}

const isSlow = ({ settlement }: Sight): boolean => {
  if (settlement === null) return true;
  const { attempt, sign } = settlement;
  if (attempt === null || sign === null) return false;
  return attempt.duration_ms > SLOW_ATTEMPT_MS || attempt.error?.startsWith("timeout") === true;
};

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const moved = (from: number, to: number, part: number): number => from + (to - from) * Math.min(1, part);

/** The health after it; the same object when nothing material changed. */
function after(before: Health, seen: readonly Sight[], { token, now }: { token: string | null; now: number }): Health {
  const attempts = seen.flatMap(({ settlement }) => {
    const { attempt = null, sign = null } = settlement ?? {};
    return attempt === null || sign === null ? [] : [{ ...attempt, works: sign.works }];
  });
  const good = attempts.filter(({ works }) => works);
  const bad = attempts.filter(({ works }) => !works);
  const lastGoodMs = good.length === 0 ? null : Math.max(...good.map(({ at_ms }) => at_ms));
  const tail = bad.filter(({ at_ms }) => lastGoodMs === null || at_ms > lastGoodMs);
  const isSlowNow = seen.some(isSlow);

  const failures = good.length > 0 ? tail.length : before.failures + bad.length;
  const rate =
    attempts.length === 0
      ? before.failure_rate
      : moved(before.failure_rate, bad.length / attempts.length, FAILURE_WEIGHT * attempts.length);
  const rateNoted = rate < FAILURE_RATE_NOTED && bad.length === 0 ? 0 : rate;
  const meanMs = attempts.length === 0 ? null : average(attempts.map(({ duration_ms }) => duration_ms));
  let latency = before.latency_ms;
  if (meanMs !== null) latency = latency === null ? meanMs : moved(latency, meanMs, LATENCY_WEIGHT * attempts.length);
  if (isSlowNow) latency = Math.max(latency ?? 0, SLOW_ATTEMPT_MS);

  const next: Health = { ...before, failures, failure_rate: rateNoted, latency_ms: latency };
  if (failures === 0) next.failing_since_ms = null;
  else if (good.length > 0 || before.failing_since_ms === null)
    next.failing_since_ms = tail.length === 0 ? null : Math.min(...tail.map(({ at_ms }) => at_ms));
  const asked = seen.flatMap(({ settlement }) => settlement?.sign?.pausedUntilMs ?? []);
  const pausedMs = Math.max(before.paused_until_ms, ...asked);
  next.paused_until_ms = pausedMs > now ? pausedMs : 0;

  const isProbing = before.probe !== null && before.probe === token;
  let turned = true;
  if (before.breaker === "closed") {
    turned = bad.length > 0 && (failures >= BREAKER_FAILURES || rate >= BREAKER_FAILURE_RATE);
    if (turned) Object.assign(next, { breaker: "open", opened_ms: now, openings: 1, probe_ms: now + BREAKER_OPEN_MS });
  } else if (lastGoodMs !== null && lastGoodMs >= (before.opened_ms ?? 0)) {
    const closed = { breaker: "closed", opened_ms: null, openings: 0, probe_ms: null, closed_ms: now, failure_rate: 0 };
    Object.assign(next, closed);
  } else if (isProbing && bad.length > 0) {
    const waitMs = BREAKER_OPEN_MS * 2 ** Math.min(before.openings, BREAKER_DOUBLINGS_MAX);
    Object.assign(next, { breaker: "open", openings: before.openings + 1, probe_ms: now + waitMs });
  } else if (isProbing && seen.every(({ settlement }) => settlement !== null))
    Object.assign(next, { breaker: "open", probe_ms: now + BREAKER_OPEN_MS });
  else turned = false;
  if (turned) next.probe = null;

  if (isSlowNow || next.breaker !== "closed") next.lane = "slow";
  else if (failures === 0 && latency !== null && latency < LANE_FAST_LATENCY_MS) next.lane = "fast";
  if (next.breaker !== "closed" || next.paused_until_ms > now) next.parking = 1;

  const isOff =
    meanMs !== null &&
    (before.latency_ms === null ||
      before.lane === "slow" ||
      Math.abs(meanMs - before.latency_ms) > Math.max(before.latency_ms / 2, LATENCY_NOTED_MS));
  const isMaterial =
    turned ||
    isOff ||
    next.failures !== before.failures ||
    next.lane !== before.lane ||
    next.paused_until_ms !== before.paused_until_ms ||
    next.failure_rate !== before.failure_rate;
  return isMaterial ? next : before;
}

function changeOf(subscriptionId: string, health: Health, now: number): SinkChange {
  return {
    bus: BUS,
    subscriptionId,
    breaker: health.breaker,
    openedMs: health.opened_ms,
    probeMs: health.probe_ms,
    pausedUntilMs: health.paused_until_ms,
    failures: health.failures,
    failingSinceMs: health.failing_since_ms,
    isOpening: health.opened_ms === now,
    isResuming: health.parking === 1 && health.closed_ms === now,
  };
}

// ---- The real one ------------------------------------------------------------------------------------------------

type Row = Health & { readonly subscription_id: string; readonly version: number };

async function rows(): Promise<Map<string, Row>> {
  const { results } = await db
    .prepare(`SELECT subscription_id, version, ${Object.keys(UNKNOWN).join(", ")} FROM health`)
    .all<Row>();
  return new Map(results.map((row) => [row.subscription_id, row]));
}

const counter = async (): Promise<number> =>
  (await db.prepare("SELECT version FROM meta").first<number>("version")) ?? 0;

async function clear(): Promise<void> {
  await db.batch(["deliveries", "health", "subscriptions"].map((table) => db.prepare(`DELETE FROM ${table}`)));
  const insert = db.prepare(
    `INSERT INTO subscriptions (bus, id, version, status, sink, wanted, format, timeout_ms, retry, secrets, headers, created_ms, updated_ms)
     VALUES (?1, ?2, ?3, ?4, 'https://sink.example/', '{}', 'structured', 1000, '{}', '', '', 0, 0)`,
  );
  await db.batch([
    ...SUBSCRIPTIONS.map((id, index) => insert.bind(BUS, id, index + 1, "active")),
    insert.bind(BUS, STRANGERS[0], 3, "deleted"),
  ]);
}
beforeEach(clear);

// ---- The schedules -----------------------------------------------------------------------------------------------

const KINDS = [
  "good",
  "good",
  "bad",
  "bad",
  "timeout",
  "slow",
  "late",
  "busy",
  "away",
  "ours",
  "released",
  "open",
] as const;
type Kind = (typeof KINDS)[number];

interface Item {
  readonly subscription: string;
  readonly kind: Kind;
  /** How long before now its attempt began. */
  readonly ageMs: number;
  readonly durationMs: number;
  /** Another token holds it by now. */
  readonly isStale: boolean;
}

const itemOf = (...kinds: readonly Kind[]): fc.Arbitrary<Item> =>
  fc.record({
    subscription: fc.constantFrom(...SUBSCRIPTIONS, ...SUBSCRIPTIONS, ...SUBSCRIPTIONS, ...STRANGERS),
    kind: fc.constantFrom(...kinds),
    ageMs: fc.constantFrom(0, 1, 2, 500, 40_000),
    durationMs: fc.constantFrom(0, 10, 60, 90, 400, 999, 1_000, SLOW_ATTEMPT_MS),
    isStale: fc.constantFrom(true, false, false, false),
  });

/** Mixed, or of a sink that is ill: failures come in rows. */
const someItems = fc.oneof(
  fc.array(itemOf(...KINDS), { minLength: 1, maxLength: 7 }),
  fc.array(itemOf("bad", "bad", "timeout", "away"), { minLength: 4, maxLength: 12 }),
);

const aToken = fc.constantFrom(...TOKENS);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("settle" as const),
      token: aToken,
      items: someItems,
      passMs: fc.constantFrom(0, 1, 1_000, BREAKER_OPEN_MS, 20 * BREAKER_OPEN_MS),
      isTwice: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("first" as const), items: someItems }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("probe" as const),
      token: aToken,
      probe: itemOf("good", "bad", "timeout", "ours", "released", "open"),
      isTwice: fc.boolean(),
    }),
  },
);

function settlementOf(key: DeliveryKey, { kind, ageMs, durationMs }: Item, now: number): Settlement | null {
  const eventId = "evt_1";
  const sign: Sign = { works: true, pausedUntilMs: null, disables: null, ignored: 0 };
  const attempt = { attempt: 1, at_ms: now - ageMs, duration_ms: durationMs, status: 200, error: null, answer: null };
  const retry = { kind: "retry", dueMs: now + 1_000, slow: false } as const;
  switch (kind) {
    case "good":
      return { key, eventId, outcome: { kind: "delivered" }, attempt, sign };
    case "slow":
      return {
        key,
        eventId,
        outcome: { kind: "delivered" },
        attempt: { ...attempt, duration_ms: SLOW_ATTEMPT_MS + 1 },
        sign,
      };
    case "bad":
      return { key, eventId, outcome: retry, attempt, sign: { ...sign, works: false } };
    case "timeout":
      return {
        key,
        eventId,
        outcome: retry,
        attempt: { ...attempt, error: "timeout: 1 ms" },
        sign: { ...sign, works: false },
      };
    case "late":
      return { key, eventId, outcome: { kind: "dead", cause: "rejected" }, attempt, sign };
    case "busy":
      return { key, eventId, outcome: retry, attempt, sign: { ...sign, pausedUntilMs: now + 60_000 } };
    case "away":
      return { key, eventId, outcome: retry, attempt, sign: { ...sign, works: false, pausedUntilMs: now + 1 } };
    case "ours":
      return { key, eventId, outcome: retry, attempt: { ...attempt, error: "internal: x" }, sign: null };
    case "released":
      return {
        key,
        eventId,
        outcome: { kind: "released", dueMs: now, cause: "released", slow: true },
        attempt: null,
        sign: null,
      };
    case "open":
      return null;
  }
}

it("OBSERVE does what the model does, once for each observation", { timeout: 120_000 }, async () => {
  const met = { breakers: 0, closes: 0, again: 0, unwritten: 0, lanes: 0, lost: 0 };
  const schedule = fc.array(step, { minLength: 4, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(schedule, async (steps) => {
      await clear();
      let now = START_MS;
      let made = 0;
      const model = new Map<string, Health>();
      const claims = new Map<string, string | null>();

      async function make(items: readonly Item[], token: string): Promise<Sight[]> {
        const insert = db.prepare(
          "INSERT INTO deliveries (bus, seq, subscription_id, run, state, attempt, tries, claim) VALUES (?1, ?2, ?3, '', 'claimed', 1, 1, ?4)",
        );
        const sights = items.map((one): Sight & { holder: string } => {
          const key = { bus: BUS, seq: `s${(made += 1)}`, subscriptionId: one.subscription, run: "" };
          const holder = one.isStale ? "another" : token;
          claims.set(key.seq, holder);
          return { key, settlement: settlementOf(key, one, now), holder };
        });
        await db.batch(sights.map(({ key, holder }) => insert.bind(BUS, key.seq, key.subscriptionId, holder)));
        return sights;
      }

      /** Moves the model, and holds what the database has and answered against it. */
      async function check(seen: readonly Sight[], token: string | null, act: () => Promise<readonly SinkChange[]>) {
        const before = await rows();
        const versionBefore = await counter();
        const expected: SinkChange[] = [];
        for (const id of SUBSCRIPTIONS) {
          // A first attempt makes the row, whatever became of it.
          const named = seen.filter(({ key }) => key.subscriptionId === id);
          if (named.length === 0) continue;
          const was = model.get(id) ?? UNKNOWN;
          const ours = named.filter(({ key }) => token === null || claims.get(key.seq) === token);
          const is = ours.length === 0 ? was : after(was, ours, { token, now });
          model.set(id, is);
          if (is !== was) expected.push(changeOf(id, is, now));
          else if (ours.length > 0) met.unwritten += 1;
          if (was.breaker === "closed" && is.breaker === "open") met.breakers += 1;
          if (was.breaker !== "closed" && is.breaker === "closed") met.closes += 1;
          if (is.openings > 1 && is.openings > was.openings) met.again += 1;
          if (was.breaker === "half-open" && is.breaker === "open" && is.openings === was.openings) met.lost += 1;
          if (is.lane !== was.lane) met.lanes += 1;
        }
        const changes = await act();
        const byId = (a: SinkChange, b: SinkChange): number => (a.subscriptionId < b.subscriptionId ? -1 : 1);
        expect(changes.toSorted(byId)).toEqual(expected);
        const found = await rows();
        expect([...found.keys()].toSorted()).toEqual([...model.keys()].toSorted());
        for (const [id, { subscription_id: _, version, ...row }] of found) {
          expect(row, id).toEqual(model.get(id));
          // A change of the lane takes the next number of the counter, and nothing else takes one.
          const was = before.get(id);
          if ((was?.lane ?? "fast") === row.lane) expect(version).toBe(was?.version ?? 0);
          else expect(version).toBeGreaterThan(versionBefore);
        }
        const versions = [...found.values()].map(({ version }) => version).filter((version) => version > 0);
        expect(new Set(versions).size).toBe(versions.length);
        expect(await counter()).toBeGreaterThanOrEqual(Math.max(versionBefore, ...versions));
      }

      /** What a settle leaves of the claims: `delivered` absorbs, whoever holds the row. */
      function release(seen: readonly Sight[], token: string): void {
        for (const { key, settlement } of seen) {
          if (settlement === null) continue;
          if (claims.get(key.seq) === token || settlement.outcome.kind === "delivered") claims.set(key.seq, null);
        }
      }

      async function settle(items: readonly Item[], token: string, isTwice: boolean): Promise<void> {
        const seen = await make(items, token);
        const { settlements, open } = split(seen);
        const run = async () => (await log.settle(settlements, { token, now, open })).changes;
        await check(seen, token, run);
        release(seen, token);
        if (!isTwice) return;
        // Its answer was lost: only what is open still is seen again.
        const before = [await rows(), await counter()];
        await check(seen, token, run);
        if (open.length === 0) expect([await rows(), await counter()]).toEqual(before);
      }

      /** As TAKE_PROBES does it. */
      async function takeProbe(id: string, token: string): Promise<void> {
        const health = model.get(id);
        if (health === undefined || health.breaker === "closed") return;
        now = Math.max(now, health.probe_ms ?? now);
        const probing = { breaker: "half-open", probe: token, probe_ms: now + LEASE_MS } as const;
        model.set(id, { ...health, ...probing });
        await db
          .prepare("UPDATE health SET breaker = 'half-open', probe = ?2, probe_ms = ?3 WHERE subscription_id = ?1")
          .bind(id, token, probing.probe_ms)
          .run();
      }

      for (const one of steps) {
        if (one.do === "first") {
          const seen = await make(one.items, "none");
          const statements = observe(db, split(seen), { token: null, now });
          await check(seen, null, async () => changesIn(await db.batch(statements), statements.length));
        } else if (one.do === "probe") {
          await takeProbe(one.probe.subscription, one.token);
          await settle([one.probe], one.token, one.isTwice);
        } else {
          now += one.passMs;
          await settle(one.items, one.token, one.isTwice);
        }
      }
    }),
    { numRuns: 60 },
  );
  // The schedules met all of it.
  for (const [name, count] of Object.entries(met)) expect(count, name).toBeGreaterThan(0);
});

function split(seen: readonly Sight[]): { readonly settlements: Settlement[]; readonly open: DeliveryKey[] } {
  return {
    settlements: seen.flatMap(({ settlement }) => settlement ?? []),
    open: seen.flatMap(({ key, settlement }) => (settlement === null ? [key] : [])),
  };
}
