/**
 * The runtime killed with SIGKILL in mid-load, several times, and started again on what it left on disk. Every delivery that was ever
 * claimed reaches its sink; what may come twice is what was being pushed when the runtime was killed, and nothing else.
 *
 * Two things are not as in production. The simulator's queues live in memory: events that were answered 202 and not claimed by then are
 * lost with them. They are counted apart, and completed as a producer would complete them, by publishing them again under their ids.
 * And a killed batch's lease lasts LEASE_MS and the sweep waits longer, so before each new start everything on record is made older
 * by AGE_MS: the machine has then been down for so long.
 */
import type { Published } from "./load-process.ts";
import { isOpen, recorded, recordedEvents, tally, type Recorded } from "./record.ts";
import { until } from "../../scripts/rig/until.ts";
import { table, type Report } from "./report.ts";
import { withStage, type Stage } from "./stage.ts";

/** Longer than any lease and any wait of the sweep's (SWEEP_REPEAT_MS is ten minutes). */
const AGE_MS = 900_000;
/** Far more than it takes, on a machine that others use too. */
const WITHIN_MS = 90_000;
const EVENTS_PER_ROUND = 80;
const EVENTS_PER_SECOND = 60;
/** Republished all at once: the router answers as fast as it can. */
const AGAIN_PER_SECOND = 200;

/** Short waits, and more of them than there are kills: a crash uses up an attempt. */
const SCHEDULE_S = [1, 1, 1, 1, 1, 1, 1, 1];

/** Every sink takes all events; those that are slow one of so many. */
const SLOW_SHARE = 4;
const SINKS = ["/ok/a?ms=5", "/ok/b?ms=20", "/ok/c?ms=60", "/flaky/d?every=4"];
const SLOW_SINKS = ["/ok/slow-a?ms=400", "/ok/slow-b?ms=900"];

/** When in a round the runtime is killed, by what the sinks have seen since the round began. */
interface Moment {
  readonly name: string;
  /** Fires the cron at the beginning, and does not wait for it. */
  readonly inSweep?: true;
  readonly isThere: (counts: { readonly requests: number; readonly open: number }, isPublished: boolean) => boolean;
}

const MOMENTS: readonly Moment[] = [
  { name: "first pushes open", isThere: ({ requests, open }) => requests >= 3 && open > 0 },
  { name: "in mid-load", isThere: ({ requests, open }) => requests >= 80 && open > 0 },
  { name: "sweep of the one before", inSweep: true, isThere: ({ requests, open }) => requests >= 20 && open > 0 },
  { name: "all published", isThere: ({ requests, open }, isPublished) => isPublished && requests >= 40 && open > 2 },
];

/** What is known of the events: the newest publish of each. */
type Ledger = Map<string, Published>;

/** What one kill found. */
interface Kill {
  readonly moment: string;
  readonly open: number;
  /** Deliveries that were claimed. */
  readonly claimed: ReadonlySet<string>;
  /** Events answered 202 and not on record. */
  readonly lost: number;
  readonly unanswered: number;
}

export async function killed(report: Report): Promise<void> {
  report.say(`\nKilled in mid-load: ${MOMENTS.length} times, ${MOMENTS.length * EVENTS_PER_ROUND} events`);
  await withStage(async (stage) => {
    const retry = { schedule_s: SCHEDULE_S };
    const filters = [{ exact: { subject: "slow" } }];
    for (const path of SINKS) await stage.subscribe(path, { retry });
    for (const path of SLOW_SINKS) await stage.subscribe(path, { retry, filters });
    await stage.inEffect();

    const ledger: Ledger = new Map();
    const kills: Kill[] = [];
    for (const moment of MOMENTS) kills.push(await round(stage, ledger, moment));
    report.say(
      table([
        ["killed at", "pushes open", "claimed", "answered 202 and lost", "not answered"],
        ...kills.map(({ moment, open, claimed, lost, unanswered }) => [moment, open, claimed.size, lost, unanswered]),
      ]),
    );

    const again = await republishMissing(stage, ledger);
    report.say(`${again} events published again: lost with the simulator's queues, or never answered`);
    const deliveries = await drained(stage, ledger);
    await judge(report, stage, { ledger, kills, deliveries });
  });
}

/** A load, a kill in the middle of it, and a new start. */
async function round({ runtime, sinks, publish }: Stage, ledger: Ledger, moment: Moment): Promise<Kill> {
  const first = ledger.size;
  const before = await sinks.call("counts", undefined);
  let isPublished = false;
  const events = Array.from({ length: EVENTS_PER_ROUND }, (_, index) => ({
    id: `killed-${first + index}`,
    subject: (first + index) % SLOW_SHARE === 0 ? "slow" : "quick",
  }));
  const publishing = publish(events, EVENTS_PER_SECOND).finally(() => (isPublished = true));
  // The kill fails it.
  if (moment.inSweep) void runtime.fireCron().catch(() => undefined);
  let open = 0;
  await until(
    `the moment "${moment.name}"`,
    async () => {
      const counts = await sinks.call("counts", undefined);
      open = counts.open;
      return moment.isThere({ requests: counts.requests - before.requests, open }, isPublished);
    },
    { withinMs: WITHIN_MS },
  );
  await runtime.kill();
  const published = await publishing;
  for (const one of published) ledger.set(one.id, one);
  const [onRecord, deliveries] = [await recordedEvents(runtime), await recorded(runtime)];
  runtime.age(AGE_MS);
  await runtime.start();
  return {
    moment: moment.name,
    open,
    claimed: new Set(deliveries.filter(({ state }) => state === "claimed").map(({ webhookId }) => webhookId)),
    lost: published.filter(({ eventId }) => eventId !== null && !onRecord.has(eventId)).length,
    unanswered: published.filter(({ eventId }) => eventId === null).length,
  };
}

/** As a producer does that has no answer, and one whose events were lost. Resolves with how many there were. */
async function republishMissing(stage: Stage, ledger: Ledger): Promise<number> {
  const onRecord = await recordedEvents(stage.runtime);
  const missing = [...ledger.values()].filter(({ eventId }) => eventId === null || !onRecord.has(eventId));
  for (const one of await stage.publish(missing, AGAIN_PER_SECOND)) ledger.set(one.id, one);
  return missing.length;
}

/** The record once nothing is open, with the cron fired as long as something is. */
async function drained({ runtime }: Stage, ledger: Ledger): Promise<Recorded[]> {
  const expected = ledger.size * SINKS.length + (ledger.size / SLOW_SHARE) * SLOW_SINKS.length;
  let deliveries: Recorded[] = [];
  await until(
    `${expected} deliveries on record, none of them open`,
    async () => {
      await runtime.fireCron();
      deliveries = await recorded(runtime);
      return deliveries.length >= expected && !deliveries.some(isOpen);
    },
    { withinMs: WITHIN_MS, state: () => tally(deliveries) },
  );
  return deliveries;
}

interface Outcome {
  readonly ledger: Ledger;
  readonly kills: readonly Kill[];
  readonly deliveries: readonly Recorded[];
}

async function judge(report: Report, stage: Stage, { ledger, kills, deliveries }: Outcome): Promise<void> {
  const { runtime, sinks } = stage;
  const seen = new Map((await sinks.call("seen", undefined)).map((one) => [one.webhookId, one]));
  const onRecord = await recordedEvents(runtime);
  const accepted = [...ledger.values()].filter(({ eventId }) => eventId !== null && onRecord.has(eventId)).length;
  report.check(`${accepted} of ${ledger.size} events accepted and on record`, accepted === ledger.size);

  const expected = ledger.size * SINKS.length + (ledger.size / SLOW_SHARE) * SLOW_SINKS.length;
  report.check(
    `${deliveries.length} of ${expected} deliveries on record: ${tally(deliveries)}`,
    deliveries.length === expected,
  );
  const taken = deliveries.filter(({ webhookId }) => (seen.get(webhookId)?.taken ?? 0) > 0);
  const dead = deliveries.filter(({ state, cause }) => state === "dead" && cause !== null);
  const untaken = deliveries.filter((one) => !taken.includes(one) && !dead.includes(one)).length;
  report.check(
    `taken by their sinks ${taken.length}, dead letters ${dead.length}, neither ${untaken}`,
    untaken === 0 && taken.length + dead.length === expected,
  );
  const known = new Set(deliveries.map(({ webhookId }) => webhookId));
  const strangers = [...seen.keys()].filter((webhookId) => !known.has(webhookId)).length;
  report.check(`every request was for a delivery on record (${strangers} were not)`, strangers === 0);

  // Its push had ended and its settle had not; or its push was open, and the sink took it all the same.
  const repeated = [...seen.values()].filter((one) => one.taken > 1);
  const duplicates = repeated.reduce((sum, one) => sum + one.taken - 1, 0);
  const bound = kills.reduce((sum, { claimed }) => sum + claimed.size, 0);
  report.say(
    `duplicates ${duplicates}: taken by the sink while the settle was still to come, of ${bound} claimed at the kills`,
  );
  const unexplained = repeated.filter(
    ({ webhookId, taken: times }) => times - 1 > kills.filter(({ claimed }) => claimed.has(webhookId)).length,
  ).length;
  report.check(`each duplicate was claimed when the runtime was killed (${unexplained} were not)`, unexplained === 0);

  const before = await sinks.call("counts", undefined);
  const again = await stage.publish([...ledger.values()], AGAIN_PER_SECOND);
  await until("the queues have seen all duplicates", () => allCounted(stage), { withinMs: WITHIN_MS });
  const after = await sinks.call("counts", undefined);
  const accepted2 = again.filter(({ eventId }) => eventId !== null).length;
  report.check(
    `all ${accepted2} events published once more make ${after.requests - before.requests} requests`,
    accepted2 === ledger.size && after.requests === before.requests,
  );
}

/** A publish of a known event is counted when its message is consumed. */
async function allCounted({ runtime }: Stage): Promise<boolean> {
  const [row] = await runtime.query("SELECT count(*) AS uncounted FROM events WHERE duplicates = 0");
  return row?.["uncounted"] === 0;
}
