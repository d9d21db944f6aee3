// A world for the delivery protocol with a hand-moved clock: real D1 and our own use cases, a queue and sinks that misbehave on
// a seed. Every call outward waits at a gate until the driver lets it pass, fail before it acts, fail after it acted, or crash its
// invocation for good; so every interleaving of awaits can happen, and a seed repeats it.
import { DEFAULT_BUS_SETTINGS, rulesOf, type LogLevel } from "../../src/core/bus.ts";
import type { Answer, DeliveryKey, Settlement } from "../../src/core/delivery.ts";
import type { Lane } from "../../src/core/health.ts";
import type { CloudEvent } from "../../src/core/event.ts";
import { deliveryIdOf, eventIdOf } from "../../src/core/ids.ts";
import { LEASE_MS } from "../../src/core/limits.ts";
import { createVault } from "../../src/core/vault.ts";
import { d1Log } from "../../src/d1/log.ts";
import type { Subscription } from "../../src/core/subscription.ts";
import { d1Subscriptions } from "../../src/d1/subscriptions.ts";
import { noteFor } from "../fake-stores.ts";
import { d1Sweep } from "../../src/d1/sweep.ts";
import { createDeliver, type QueueMessage } from "../../src/deliver.ts";
import { createIngest } from "../../src/ingest.ts";
import {
  type Claimed,
  type Clock,
  type Lanes,
  type Logger,
  type Outgoing,
  type Random,
  Unavailable,
} from "../../src/ports.ts";
import { createSweep } from "../../src/sweep.ts";

/** What an ill sink asks for with `Retry-After`. */
const PAUSE_SECONDS = 30;
/** A minute each: far more than any wait of the protocol but that of what nobody frees. */
const CALM_ROUNDS_MAX = 150;
const SCHEDULE_SECONDS = 20;
const ATTEMPTS = 7;
const TIMEOUT_MS = 15_000;
const BUS = "default";

/** How a call outward ends. `crash`: neither it nor its invocation ever comes back. */
type Fate = "pass" | "fail-before" | "fail-after" | "crash-before" | "crash-after";

interface Invocation {
  readonly name: string;
  alive: boolean;
  onCrash: () => void;
}

interface Gate {
  readonly label: string;
  readonly invocation: Invocation;
  readonly open: (fate: Fate) => Promise<void>;
  /** The call ends by itself then; only pushes do. */
  readonly deadlineMs: number;
}

interface Queued {
  readonly text: string;
  readonly lane: Lane;
  attempts: number;
  atMs: number;
  /** An event parcel is lost by no queue before it was claimed. */
  claimedOnce: boolean;
}

/** Numerical Recipes' linear congruential generator: a seed is a world. */
function createDice(seed: number) {
  let state = (seed * 2_654_435_761) % 2 ** 32;
  const fraction = (): number => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
  return {
    fraction,
    pick: (count: number): number => Math.floor(fraction() * count),
    chance: (p: number): boolean => fraction() < p,
  };
}

/** Lets promises that need no gate run: several turns of the event loop, because Web Crypto answers on its own time. */
async function settleTurns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}

const TOTALS = [
  "crashes",
  "pushes",
  "delivered",
  "repeated",
  "handedOver",
  "forwarded",
  "parked",
  "probes",
  "pauses",
  "resumed",
] as const;
export type Total = (typeof TOTALS)[number];
export const noTotals = (): Record<Total, number> =>
  Object.fromEntries(TOTALS.map((name) => [name, 0])) as Record<Total, number>;

export interface World {
  readonly totals: Record<Total, number>;
  /** What broke a promise, in words; empty in a correct world. */
  readonly faults: string[];
}

export async function runWorld(options: {
  readonly seed: number;
  readonly steps: number;
  readonly db: D1Database;
  /** Of the bus. With `failures` first attempts are under no lease, and what they deliver leaves nothing. */
  readonly logLevel: LogLevel;
  /** Wraps the database of the code under test: mutations of its SQL. */
  readonly mutate: (sql: string) => string;
}): Promise<World> {
  const dice = createDice(options.seed);
  const world: World = { totals: noTotals(), faults: [] };
  const { totals, faults } = world;
  const rules = rulesOf({ ...DEFAULT_BUS_SETTINGS, logLevel: options.logLevel }, false);
  let now = 1_800_000_000_000;
  let calm = false;

  const db = new Proxy(options.db, {
    get(target, name) {
      if (name === "prepare") return (sql: string) => target.prepare(options.mutate(sql));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const random: Random = {
    bytes: (count) => Uint8Array.from({ length: count }, () => dice.pick(256)),
    fraction: dice.fraction,
  };
  const logger: Logger = {
    info: (_name, fields) => {
      if (fields["handed_over"] === true) totals.handedOver += 1;
      if (typeof fields["forwarded"] === "number") totals.forwarded += fields["forwarded"];
    },
    warn: () => {},
    error: (name, fields) => {
      if (name === "delivery.defect" || name === "message.undecodable")
        faults.push(`${name} ${JSON.stringify(fields)}`);
    },
  };
  const vault = createVault([new Uint8Array(32)]);

  // ---- Gates and time -----------------------------------------------------------------------------------------------

  let gates: Gate[] = [];
  let sleepers: { atMs: number; invocation: Invocation; wake: () => void }[] = [];

  function gated<T>(
    invocation: Invocation,
    label: string,
    act: () => Promise<T>,
    deadlineMs = Number.POSITIVE_INFINITY,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const open = async (fate: Fate): Promise<void> => {
        gates = gates.filter((other) => other !== gate);
        if (fate === "crash-before") return crash(invocation);
        if (fate === "fail-before") return reject(new Unavailable(`${label} failed before it acted`));
        try {
          const value = await act();
          if (fate === "crash-after") return crash(invocation);
          if (fate === "fail-after") return reject(new Unavailable(`The answer of ${label} was lost`));
          resolve(value);
        } catch (error) {
          reject(error);
        }
      };
      const gate: Gate = { label, invocation, open, deadlineMs };
      gates.push(gate);
    });
  }

  function crash(invocation: Invocation): void {
    if (!invocation.alive) return;
    totals.crashes += 1;
    invocation.alive = false;
    gates = gates.filter((gate) => gate.invocation !== invocation);
    sleepers = sleepers.filter((sleeper) => sleeper.invocation !== invocation);
    for (const [id, push] of livePushes) if (push.invocation === invocation) livePushes.delete(id);
    invocation.onCrash();
  }

  const clockOf = (invocation: Invocation): Clock => ({
    now: () => now,
    sleep: (ms) =>
      new Promise((resolve) => {
        sleepers.push({ atMs: now + ms, invocation, wake: resolve });
      }),
  });

  /** Never past the end of an open push: a push ends by its own timeout. */
  async function advance(ms: number): Promise<void> {
    const limit = Math.min(now + ms, ...gates.map((gate) => gate.deadlineMs));
    now = Math.max(now, limit);
    const due = sleepers.filter((sleeper) => sleeper.atMs <= now);
    sleepers = sleepers.filter((sleeper) => sleeper.atMs > now);
    for (const sleeper of due) sleeper.wake();
    for (const gate of gates.filter(({ deadlineMs }) => deadlineMs <= now)) await gate.open("pass");
    await settleTurns();
  }

  function fateOf(label: string): Fate {
    if (calm) return "pass";
    const roll = dice.fraction();
    if (label === "push") return roll < 0.03 ? "crash-before" : roll < 0.06 ? "crash-after" : "pass";
    // An outage of D1 that outlasts a batch: its outcomes are handed over to the queue.
    if (label === "settle" && outage) return "fail-before";
    return roll < 0.05
      ? "fail-before"
      : roll < 0.1
        ? "fail-after"
        : roll < 0.12
          ? "crash-before"
          : roll < 0.14
            ? "crash-after"
            : "pass";
  }
  let outage = false;

  // ---- Queue --------------------------------------------------------------------------------------------------------

  let queue: Queued[] = [];
  const enqueue = ({ text, lane, delaySeconds }: Outgoing): void => {
    const message = { text, lane, attempts: 0, atMs: now + delaySeconds * 1000, claimedOnce: false };
    // A queue may hand out a message twice, and an alarm may get lost.
    if (calm || !/"kind":"(wake|resume)"/.test(text) || dice.chance(0.85)) queue.push(message);
    if (!calm && dice.chance(0.1)) queue.push({ ...message });
  };
  const lanesOf = (invocation: Invocation): Lanes => ({
    send: (messages) =>
      gated(invocation, "send", async () => {
        // A request of several sends may be confirmed in part.
        const confirmed = !calm && dice.chance(0.1) ? dice.pick(messages.length) : messages.length;
        messages.slice(0, confirmed).forEach(enqueue);
        if (confirmed < messages.length) throw new Unavailable("A queue did not confirm");
      }),
    poison: async (text) => void faults.push(`poisoned ${text}`),
  });

  // ---- Sinks --------------------------------------------------------------------------------------------------------

  const livePushes = new Map<string, { readonly invocation: Invocation }>();
  const notBefore = new Map<string, number>();
  const received = new Map<string, number>();

  /** Sinks that fail for a while: what opens breakers. */
  const ill = new Set<string>();

  function answerNow(subscriptionId: string, beganMs: number): Answer {
    const durationMs = now - beganMs;
    const answered = { kind: "answered", retryAtMs: null, steering: null, ignored: 0, sample: "", durationMs } as const;
    if (calm) return { ...answered, status: 204 };
    // It hung until its timeout.
    if (durationMs >= TIMEOUT_MS) return { kind: "failed", error: "timeout", detail: "15000 ms", durationMs };
    const roll = dice.fraction();
    if (roll < (ill.has(subscriptionId) ? 0.05 : 0.6)) return { ...answered, status: 204 };
    if (roll < 0.82) return { ...answered, status: 503, sample: "busy" };
    if (roll > 0.9) return { kind: "failed", error: "connection", detail: "reset", durationMs };
    totals.pauses += 1;
    return { ...answered, status: roll < 0.86 ? 429 : 503, retryAtMs: now + PAUSE_SECONDS * 1_000 };
  }

  function beginPush(id: string, invocation: Invocation): void {
    totals.pushes += 1;
    if (options.logLevel === "failures") return;
    if (livePushes.has(id)) faults.push(`two live attempts of ${id}`);
    if (now < (notBefore.get(id) ?? 0)) faults.push(`${id} was attempted ${(notBefore.get(id) ?? 0) - now} ms early`);
    livePushes.set(id, { invocation });
  }

  function endPush(id: string, subscriptionId: string, beganMs: number): Answer {
    const answer = answerNow(subscriptionId, beganMs);
    livePushes.delete(id);
    if (answer.kind === "answered" && answer.status < 300) received.set(id, (received.get(id) ?? 0) + 1);
    else notBefore.set(id, now + SCHEDULE_SECONDS * 1000 - 1000);
    return answer;
  }

  // ---- Invariants of sinks' health -----------------------------------------------------------------------------------

  interface Shut {
    readonly subscription_id: string;
    readonly breaker: string;
    readonly probe: string | null;
    readonly probe_ms: number | null;
    readonly paused_until_ms: number;
    readonly failures: number;
    readonly lane: Lane;
  }
  async function healths(): Promise<Map<string, Shut>> {
    const { results } = await options.db.prepare("SELECT * FROM health").all<Shut>();
    return new Map(results.map((row) => [row.subscription_id, row]));
  }
  const nameOf = ({ seq, subscriptionId, run }: DeliveryKey): string => `${seq}${subscriptionId}${run}`;

  /** By subscription: the probe that was made and not settled, and until when no other may be. */
  const probing = new Map<string, { readonly token: string; readonly untilMs: number }>();

  /** A claim takes nothing of a sink that is shut; of one that is to be tried, one delivery, and no other batch another. */
  async function watchedClaim(
    { token, at, lane }: { token: string; at: number; lane: Lane },
    act: () => Promise<Claimed>,
  ): Promise<Claimed> {
    const keys = await options.db.prepare("SELECT keys FROM claims WHERE token = ?1").bind(token).first<string>("keys");
    // A claim that is repeated may have taken these before the sink was shut.
    const earlier = new Set((JSON.parse(keys ?? "[]") as string[][]).map(([, seq, id, run]) => `${seq}${id}${run}`));
    const before = await healths();
    const claimed = await act();
    const after = await healths();
    for (const [id, deliveries] of Map.groupBy(claimed.deliveries, ({ key }) => key.subscriptionId)) {
      const [was, is] = [before.get(id), after.get(id)];
      const taken = deliveries.filter(({ key }) => !earlier.has(nameOf(key)));
      if (is === undefined || taken.length === 0) continue;
      if (is.paused_until_ms > at) faults.push(`${id} wants nothing before ${is.paused_until_ms}, taken at ${at}`);
      if (is.lane === "slow" && lane === "fast") faults.push(`${id} is slow, taken by lane fast`);
      if (is.breaker === "closed") continue;
      totals.probes += 1;
      if (taken.length > 1) faults.push(`${id} is shut, and ${taken.length} are taken`);
      if (is.probe !== token) faults.push(`${id} is shut, and taken without a probe`);
      if ((was?.probe_ms ?? 0) > at) faults.push(`${id} is probed before its time`);
      const other = probing.get(id);
      if (other !== undefined && other.token !== token && other.untilMs > at) faults.push(`${id} has two probes`);
      probing.set(id, { token, untilMs: at + LEASE_MS });
    }
    for (const [id, { probe, probe_ms: dueMs }] of before)
      if (probe !== token && after.get(id)?.probe === token && (dueMs ?? 0) > at)
        faults.push(`the probe of ${id} is taken before its time`);
    return claimed;
  }

  const counted = new Set<string>();
  /** A failure is counted once, however often its settle runs. */
  async function watchedSettle<T>(
    token: string,
    settlements: readonly Settlement[],
    act: () => Promise<T>,
  ): Promise<T> {
    const before = await healths();
    const result = await act();
    const failed = settlements.flatMap(({ key, attempt, sign }) =>
      sign?.works === false ? [{ id: key.subscriptionId, name: `${nameOf(key)} ${attempt?.attempt}` }] : [],
    );
    const fresh = Map.groupBy(
      failed.filter(({ name }) => !counted.has(name)),
      ({ id }) => id,
    );
    for (const [id, { failures }] of await healths())
      if (failures > (before.get(id)?.failures ?? 0) + (fresh.get(id)?.length ?? 0))
        faults.push(`a failure of ${id} is counted twice`);
    for (const { name } of failed) counted.add(name);
    for (const { key } of settlements)
      if (probing.get(key.subscriptionId)?.token === token) probing.delete(key.subscriptionId);
    return result;
  }

  // ---- Invariants, after every claim and settle ----------------------------------------------------------------------

  const absorbed = new Set<string>();
  async function audit(): Promise<void> {
    const { results } = await options.db
      .prepare(
        `SELECT d.seq || d.subscription_id || d.run AS id, d.state, d.cause, d.due_ms,
           EXISTS (SELECT 1 FROM claims c WHERE c.token = d.claim) AS in_flight FROM deliveries d`,
      )
      .all<{ id: string; state: string; cause: string | null; due_ms: number | null; in_flight: number }>();
    for (const row of results) {
      if (row.state === "claimed" && row.in_flight === 0) faults.push(`${row.id} is claimed by nobody in flight`);
      if (row.cause === "breaker" || row.cause === "retry-after") totals.parked += 1;
      if ((row.state === "waiting") !== (row.due_ms !== null))
        faults.push(`${row.id} is ${row.state} and due at ${row.due_ms}`);
      if (row.state === "delivered") absorbed.add(row.id);
      else if (absorbed.has(row.id)) faults.push(`${row.id} was delivered and is ${row.state}`);
    }
  }

  // ---- Invocations --------------------------------------------------------------------------------------------------

  let invocations = 0;
  const begin = (kind: string): Invocation => ({
    name: `${kind}${(invocations += 1)}`,
    alive: true,
    onCrash: () => {},
  });

  /** A batch is of one lane. */
  function startBatch(due: readonly Queued[], max: number): void {
    const [head] = due;
    if (head === undefined) return;
    const { lane } = head;
    const messages = due.filter((message) => message.lane === lane).slice(0, max);
    queue = queue.filter((message) => !messages.includes(message));
    const invocation = begin("batch");
    let claimed = false;
    const again = (message: Queued, delaySeconds: number): void => {
      queue.push({ ...message, attempts: message.attempts + 1, atMs: now + delaySeconds * 1000 });
    };
    invocation.onCrash = () => {
      for (const message of messages) {
        const lost = !calm && claimed && options.logLevel === "all" && dice.chance(0.1);
        if (!lost) again({ ...message, claimedOnce: message.claimedOnce || claimed }, 1);
      }
    };
    const log = d1Log({ db, vault });
    const { deliver } = createDeliver({
      log: {
        claim: (parcels, o) =>
          gated(invocation, "claim", async () => {
            const watched = { token: o.token, at: o.now, lane: o.lane };
            const result = await watchedClaim(watched, () => log.claim(parcels, o));
            claimed = true;
            await audit();
            return result;
          }),
        settle: (settlements, o) =>
          gated(invocation, "settle", async () => {
            const changes = await watchedSettle(o.token, settlements, () => log.settle(settlements, o));
            await audit();
            return changes;
          }),
        resume: (sink, o) =>
          gated(invocation, "resume", async () => {
            const step = await log.resume(sink, o);
            totals.resumed += step.freed.length;
            await audit();
            return step;
          }),
        peek: (parcels, o) => gated(invocation, "peek", () => log.peek(parcels, o)),
        recordFirst: (outcomes, at) =>
          gated(invocation, "settle", async () => {
            const recorded = await log.recordFirst(outcomes, at);
            await audit();
            return recorded;
          }),
        adopt: (parcels, at) => log.adopt(parcels, at),
        storeBodies: (bodies, at) => log.storeBodies(bodies, at),
      },
      // No subscription here has a pace.
      limiters: { ask: () => [], done: async () => {} },
      lanes: lanesOf(invocation),
      webhooks: {
        push: ({ deliveryId, push }) => {
          beginPush(deliveryId, invocation);
          const beganMs = now;
          // Each subscription has a sink of its own.
          const [subscriptionId = ""] = push.sink.split("/").slice(-1);
          return gated(invocation, "push", async () => endPush(deliveryId, subscriptionId, beganMs), now + TIMEOUT_MS);
        },
      },
      disable: async () => true,
      tell: async () => {},
      clock: clockOf(invocation),
      random,
      logger,
    });
    const work = messages.map((message): QueueMessage => ({ body: message.text, attempts: message.attempts + 1 }));
    deliver(work, lane).then(
      (verdicts) =>
        messages.forEach((message, index) => {
          const verdict = verdicts[index];
          if (verdict?.kind === "retry") again(message, verdict.delaySeconds);
        }),
      (error) => faults.push(`deliver() threw ${String(error)}`),
    );
  }

  const must = new Set<string>();
  const routesOf = new Map<string, Set<string>>();
  /** How many publishes of an event were not confirmed whole: parts of them may be on their way. */
  const unconfirmed = new Map<string, number>();
  const publishes = (id: string, by: number): unknown => unconfirmed.set(id, (unconfirmed.get(id) ?? 0) + by);
  /** What the edge knows of lanes: what it learned last. */
  let slow = new Set<string>();
  function publish(event: CloudEvent, subscriptionIds: readonly string[]): void {
    const invocation = begin("publish");
    const log = d1Log({ db, vault });
    const ingest = createIngest({
      routes: {
        bus: async () => ({
          bus: BUS,
          rules,
          match: () => subscriptionIds,
          nearest: () => subscriptionIds,
          laneOf: (id) => (slow.has(id) ? "slow" : "fast"),
          size: 0,
        }),
        key: async () => null,
        rules: () => null,
        applied: () => {},
      },
      log: { storeBodies: (bodies, at) => gated(invocation, "store", () => log.storeBodies(bodies, at)) },
      lanes: lanesOf(invocation),
      clock: clockOf(invocation),
      random,
    });
    routesOf.set(event.id, new Set([...(routesOf.get(event.id) ?? []), subscriptionIds.join()]));
    publishes(event.id, 1);
    ingest({ bus: BUS, requestId: invocation.name, hops: 0, events: [event], background: () => {} }).then(
      (accepted) => {
        if (!accepted.ok) return;
        publishes(event.id, -1);
        for (const { eventId } of accepted.value)
          for (const id of subscriptionIds) must.add(deliveryIdOf(eventId, id, ""));
      },
      (error) => {
        if (!(error instanceof Unavailable)) faults.push(`ingest() threw ${String(error)}`);
      },
    );
  }

  function startSweep(): void {
    const invocation = begin("sweep");
    const log = d1Sweep({ db });
    const { sweep } = createSweep({
      log: {
        lostAlarms: (at) => gated(invocation, "sweep", () => log.lostAlarms(at)),
        woken: (wakes, at) => gated(invocation, "sweep", () => log.woken(wakes, at)),
        unhold: (at) => gated(invocation, "sweep", () => log.unhold(at)),
        readySinks: (before, after) => gated(invocation, "sweep", () => log.readySinks(before, after)),
        lagging: async () => ({ lagging: [], next: null }),
        told: async () => {},
        caughtUp: async () => {},
        count: () => gated(invocation, "sweep", () => log.count()),
        erase: async () => ({ deliveries: 0, more: false }),
        retain: async () => ({ expired: [], removed: 0, next: null }),
        database: async () => ({ bytes: 0, notedBytes: 0, failuresOnly: false }),
        noteDatabase: async () => {},
        shorten: async () => ({ expired: [], removed: 0, reachedMs: null, bytes: 0, next: null }),
        purge: async () => ({ removed: 0, more: false }),
      },
      lanes: lanesOf(invocation),
      tell: async () => {},
      clock: clockOf(invocation),
      logger,
      retentionDays: 7,
      databaseBytes: 1,
    });
    // A failing sweep says so in its log and comes again.
    sweep().catch(() => {});
  }

  // ---- The world's course -------------------------------------------------------------------------------------------

  const subscriptions = d1Subscriptions({ db: options.db, vault, random });
  const ids: string[] = [];
  for (let index = 0; index < 14; index++) {
    const settings: Omit<Subscription, "version"> = {
      id: `sub_${String(index).padStart(26, "0")}`,
      bus: BUS,
      name: null,
      sink: `https://sink.example/sub_${String(index).padStart(26, "0")}`,
      types: null,
      source: null,
      filters: [],
      format: "structured",
      headers: {},
      timeoutMs: TIMEOUT_MS,
      retry: { scheduleSeconds: Array.from({ length: ATTEMPTS - 1 }, () => SCHEDULE_SECONDS), permanent: [] },
      pace: { rate: null, concurrency: null },
      secrets: [{ secret: `whsec_${btoa("x".repeat(24))}`, untilMs: null }],
      status: "active",
      disabledReason: null,
      createdMs: now,
      updatedMs: now,
    };
    const created = await subscriptions.create(settings, noteFor("subscription.created"));
    if (typeof created === "string") throw new Error(`Not made: ${created}`);
    ids.push(created.subscription.id);
  }
  const setStatus = (id: string, status: "active" | "paused") =>
    options.db.prepare("UPDATE subscriptions SET status = ?1 WHERE id = ?2").bind(status, id).run();

  const events = Array.from({ length: 6 }, (_, index): CloudEvent => {
    const attributes = { specversion: "1.0", id: `e${index}`, source: "/s", type: "t" };
    const filler = index === 5 ? "x".repeat(70_000) : "x";
    return {
      id: `e${index}`,
      source: "/s",
      type: "t",
      attributes,
      data: { kind: "json", text: JSON.stringify(filler) },
    };
  });
  const someRoutes = (): string[] => ids.filter(() => dice.chance(0.5));

  async function openOne(): Promise<void> {
    const gate = gates[dice.pick(gates.length)];
    if (gate === undefined) return;
    await gate.open(fateOf(gate.label));
    await settleTurns();
  }

  for (let step = 0; step < options.steps; step++) {
    const roll = dice.fraction();
    if (roll < 0.06) publish(events[dice.pick(events.length)] as CloudEvent, someRoutes());
    else if (roll < 0.2) {
      const due = queue.filter((message) => message.atMs <= now).toSorted(() => dice.fraction() - 0.5);
      startBatch(due, 1 + dice.pick(4));
    } else if (roll < 0.24) startSweep();
    else if (roll < 0.26) await setStatus(ids[dice.pick(ids.length)] ?? "", dice.chance(0.7) ? "active" : "paused");
    else if (roll < 0.28) outage = dice.chance(0.4);
    else if (roll < 0.3) {
      const id = ids[dice.pick(ids.length)] ?? "";
      if (!ill.delete(id)) ill.add(id);
    } else if (roll < 0.31)
      slow = new Set(
        [...(await healths()).values()].flatMap((row) => (row.lane === "slow" ? [row.subscription_id] : [])),
      );
    else if (roll < 0.45) await advance(dice.chance(0.1) ? 200_000 : dice.pick(6_000));
    else await openOne();
    if (roll < 0.28) await settleTurns();
  }

  // A quiet end: producers repeat what was not confirmed, everything comes up, nothing fails any more.
  calm = true;
  outage = false;
  for (const id of ids) await setStatus(id, "active");
  // Longer than the sweep waits before it wakes a row twice, and than a breaker does for its probe.
  let rounds = 0;
  for (let idle = 0; idle < 20 && rounds < CALM_ROUNDS_MAX; rounds++) {
    while (gates.length > 0) await openOne();
    await advance(61_000);
    if (gates.length > 0) continue;
    const due = queue.filter((message) => message.atMs <= now);
    idle = queue.length === 0 && sleepers.length === 0 ? idle + 1 : 0;
    startBatch(due, 25);
    startSweep();
    await settleTurns();
  }

  if (rounds === CALM_ROUNDS_MAX) faults.push("the world does not come to rest");

  // ---- What must hold -----------------------------------------------------------------------------------------------

  const rows = await options.db
    .prepare(
      `SELECT d.bus, d.seq, d.subscription_id, d.run, d.state, d.cause, e.event_id FROM deliveries d JOIN events e ON e.bus = d.bus AND e.seq = d.seq`,
    )
    .all<{ subscription_id: string; run: string; state: string; cause: string | null; event_id: string }>();
  const states = new Map(rows.results.map((row) => [deliveryIdOf(row.event_id, row.subscription_id, row.run), row]));
  for (const [id, row] of states) {
    if (!["delivered", "dead"].includes(row.state)) faults.push(`${id} ended ${row.state}`);
    if (row.state === "dead" && !["exhausted", "crashed"].includes(row.cause ?? ""))
      faults.push(`${id} is dead: ${row.cause}`);
    if (row.state === "delivered" && !received.has(id))
      faults.push(`${id} is on record as delivered, its sink never took it`);
  }
  for (const id of must) {
    const isKnown = states.has(id) || (options.logLevel === "failures" && received.has(id));
    if (!isKnown) faults.push(`${id} was answered 202 and is not on record`);
  }
  for (const [, count] of received) {
    totals.delivered += 1;
    totals.repeated += count - 1;
  }
  for (const event of events) {
    const eventId = await eventIdOf(BUS, event.source, event.id);
    const row = await options.db
      .prepare(
        `SELECT matched, (SELECT count(*) FROM deliveries d WHERE d.bus = e.bus AND d.seq = e.seq AND d.run = '') AS deliveries
         FROM events e WHERE event_id = ?1`,
      )
      .bind(eventId)
      .first<{ matched: number; deliveries: number }>();
    if (
      options.logLevel === "all" &&
      row !== null &&
      routesOf.get(event.id)?.size === 1 &&
      unconfirmed.get(event.id) === 0 &&
      row.matched !== row.deliveries
    ) {
      faults.push(`${eventId} matched ${row.matched} and has ${row.deliveries} deliveries`);
    }
  }
  const claims = await options.db.prepare("SELECT count(*) AS count FROM claims").first<{ count: number }>();
  if (claims?.count !== 0) faults.push(`${claims?.count} claims are left`);
  return world;
}
