// The protocol under random schedules: duplicate and partial publishes, crashes between any two awaits, lost answers, lost alarms,
// an away D1, paused subscriptions, sweeps. `simulation.ts` says how; here is what must hold, and that the test can fail.
import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { LOG_LEVELS, type LogLevel } from "../../src/core/bus.ts";
import { noTotals, runWorld, type Total, type World } from "./simulation.ts";

const WORLDS = 10;
const STEPS = 350;

async function world(
  seed: number,
  { logLevel = "all", mutate = (sql) => sql }: { logLevel?: LogLevel; mutate?: (sql: string) => string } = {},
): Promise<World> {
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  return runWorld({ seed, steps: STEPS, db: env.DB, logLevel, mutate });
}

it.each(LOG_LEVELS)(
  "keeps every promise of the log level %s in random worlds",
  { timeout: 300_000 },
  async (logLevel) => {
    const sum = noTotals();
    for (let seed = 1; seed <= WORLDS; seed++) {
      const { faults, totals } = await world(seed, { logLevel });
      expect(faults, `seed ${seed}`).toEqual([]);
      for (const name of Object.keys(sum) as Total[]) sum[name] += totals[name];
    }
    // The worlds were hostile enough to mean something.
    expect(sum.crashes).toBeGreaterThan(WORLDS);
    expect(sum.delivered).toBeGreaterThan(WORLDS * 5);
    for (const [name, count] of Object.entries(sum)) expect(count, name).toBeGreaterThan(0);
  },
);

const MUTATIONS: readonly [name: string, from: string, to: string, logLevel: LogLevel][] = [
  [
    "the lease is ignored",
    "live.token = deliveries.claim AND live.lease_ms > ?2",
    "live.token = deliveries.claim AND live.lease_ms > ?2 + 900000000",
    "all",
  ],
  ["the token is ignored", "(deliveries.claim = ?2 OR", "(?2 = ?2 OR", "all"],
  [
    "the due time is ignored",
    "deliveries.state = 'waiting' AND deliveries.due_ms <= ?2",
    "deliveries.state = 'waiting' AND 0 <= ?2",
    "all",
  ],
  [
    "what failed at first is not recorded",
    "FROM json_each(?1) k CROSS JOIN events e ON e.event_id = k.value ->> 0\n  WHERE NOT",
    "FROM json_each(?1) k CROSS JOIN events e ON e.event_id = k.value ->> 0\n  WHERE k.value ->> 2 <> 'waiting' AND NOT",
    "failures",
  ],
  ["a batch keeps more than its probe", "WHERE p.place > 1 AND", "WHERE p.place > 100 AND", "all"],
  ["nothing that is parked is freed", "WHERE place <= (", "WHERE 0 AND place <= (", "all"],
  [
    "a failure is counted as often as it is settled",
    "AND d.run = o.run\n      AND d.claim = ?2)",
    "AND d.run = o.run)",
    "all",
  ],
];

it.each(MUTATIONS)("sees it when %s", { timeout: 300_000 }, async (_name, from, to, logLevel) => {
  let used = 0;
  const mutate = (sql: string): string => {
    if (sql.includes(from)) used += 1;
    return sql.replaceAll(from, to);
  };
  for (let seed = 1; seed <= WORLDS * 3; seed++) {
    const { faults } = await world(seed, { logLevel, mutate });
    if (faults.length > 0) return;
  }
  expect.fail(`No world noticed, the statement was used ${used} times`);
});
