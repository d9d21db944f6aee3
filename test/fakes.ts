/**
 * In-memory ports with a hand-moved clock; the stores are in fake-stores.ts. They obey the rules of the real ones: the routes know only
 * what they were told.
 */
import { DEFAULT_BUS_SETTINGS, rulesOf, type BusSettings } from "../src/core/bus.ts";
import type { CloudEvent } from "../src/core/event.ts";
import { eventForm } from "../src/core/event-form.ts";
import { createMatcher } from "../src/core/matcher/matcher.ts";
import type { Wake } from "../src/core/wakes.ts";
import type { Wanted } from "../src/core/subscription.ts";
import type { Refusal } from "../src/core/problem.ts";
import { ok, type Result } from "../src/core/result.ts";
import type { Accepted, Publish } from "../src/ingest.ts";
import { eventIdOf } from "../src/core/ids.ts";
import {
  Unavailable,
  type AuditEntry,
  type Change,
  type Clock,
  type DeliveryOnRecord,
  type EventOnRecord,
  type EventRecord,
  type KeyGrant,
  type Logger,
  type Random,
  type RateLimits,
  type RateTier,
  type Routes,
  type Rows,
} from "../src/ports.ts";

export interface FakeClock extends Clock {
  advance(ms: number): void;
}

/** Stands still until it is moved; `sleep` moves it. */
export function fakeClock(startMs = Date.parse("2026-01-02T03:04:05.678Z")): FakeClock {
  let now = startMs;
  return {
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
    sleep: async (ms) => {
      now += ms;
    },
  };
}

/** The same bytes in the same order each run (mulberry32). */
export function fakeRandom(seed = 1): Random {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    fraction: next,
    bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)),
  };
}

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function fakeLogger(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: LogLine["level"]) => (name: string, fields: LogLine["fields"]) =>
    void lines.push({ level, name, fields });
  return { lines, info: at("info"), warn: at("warn"), error: at("error") };
}

/** Knows the bus `default` and what `applied` told it, nothing else. `away` makes it behave as without D1 and without a copy. */
export function fakeRoutes(): Routes & {
  away: boolean;
  failuresOnly: boolean;
  readonly changes: Change[];
  lookups: number;
} {
  const busOf = (settings: BusSettings) => ({ settings, matcher: createMatcher(), keys: new Map<string, KeyGrant>() });
  const buses = new Map([["default", busOf(DEFAULT_BUS_SETTINGS)]]);
  const routes = {
    away: false,
    failuresOnly: false,
    lookups: 0,
    changes: [] as Change[],
    async bus(name: string) {
      routes.lookups += 1;
      if (routes.away) throw new Unavailable("The routes are too old");
      const known = buses.get(name);
      if (known === undefined) return null;
      const { matcher, settings } = known;
      return {
        bus: name,
        rules: rulesOf(settings, routes.failuresOnly),
        match: (event: CloudEvent) => matcher.match(eventForm(event)),
        nearest: matcher.nearest,
        laneOf: () => "fast" as const,
        size: matcher.size,
      };
    },
    async key(bus: string, hash: string) {
      routes.lookups += 1;
      if (routes.away) throw new Unavailable("The routes are too old");
      return [...(buses.get(bus)?.keys.values() ?? [])].find((grant) => grant.hash === hash) ?? null;
    },
    rules(name: string) {
      const known = buses.get(name);
      return known === undefined ? null : rulesOf(known.settings, routes.failuresOnly);
    },
    applied(change: Change) {
      routes.changes.push(change);
      if (change.kind === "bus") {
        if (change.settings === null) buses.delete(change.bus);
        else buses.set(change.bus, { ...(buses.get(change.bus) ?? busOf(change.settings)), settings: change.settings });
      }
      const known = buses.get(change.bus);
      if (known === undefined) return;
      if (change.kind === "key") {
        if (change.grant === null) known.keys.delete(change.id);
        else known.keys.set(change.id, change.grant);
      }
      if (change.kind === "subscription") {
        known.matcher.delete(change.id);
        if (change.wanted !== null) {
          const wanted: Wanted = JSON.parse(change.wanted);
          known.matcher.set(change.id, wanted);
        }
      }
    },
  };
  return routes;
}

type Place = readonly [seq: string, subscriptionId: string, run: string];

/** Rows are put in by the test; lists are newest first, and a manual retry of a `claimed` row finds an attempt in progress. */
export function fakeRecord(): EventRecord & {
  readonly eventRows: EventOnRecord[];
  readonly deliveryRows: DeliveryOnRecord[];
  /** What erasures left in the audit. */
  readonly notes: AuditEntry[];
} {
  const notes: AuditEntry[] = [];
  const eventRows: EventOnRecord[] = [];
  const deliveryRows: DeliveryOnRecord[] = [];
  const statusOf = ({ state, attempts }: DeliveryOnRecord): string =>
    state !== "claimed" && state !== "waiting" ? state : attempts === "[]" ? "pending" : "retrying";
  const placeOf = ({ key }: DeliveryOnRecord): Place => [key.seq, key.subscriptionId, key.run];
  const at = (place: readonly string[]): string => place.join(" ");
  const page = <T>(
    rows: readonly T[],
    place: (row: T) => readonly string[],
    { limit, cursor }: { readonly limit: number; readonly cursor: readonly string[] | null },
  ): Rows<T, readonly string[]> => {
    const rest = rows
      .filter((row) => cursor === null || at(place(row)) < at(cursor))
      .toSorted((a, b) => (at(place(a)) < at(place(b)) ? 1 : -1));
    const taken = rest.slice(0, limit);
    const last = taken.at(-1);
    return { rows: taken, next: rest.length > limit && last !== undefined ? place(last) : null };
  };
  const acceptedMsOf = (eventId: string): number => eventRows.find((row) => row.eventId === eventId)?.acceptedMs ?? 0;
  const within = (ms: number, { sinceMs = 0, untilMs = Infinity }: { sinceMs?: number; untilMs?: number }): boolean =>
    ms >= sinceMs && ms < untilMs;

  return {
    eventRows,
    deliveryRows,
    notes,
    events: async (bus, filters, options) =>
      page(
        eventRows.filter(
          (row) =>
            row.bus === bus &&
            within(row.acceptedMs, filters) &&
            (filters.type ?? row.type) === row.type &&
            (filters.source ?? row.source) === row.source &&
            (filters.subject ?? row.subject) === row.subject,
        ),
        ({ seq }) => [seq],
        options,
      ),
    async bodies(bus, span, { limit, bytesMax, cursor }) {
      const ofSpan = eventRows.filter((row) => row.bus === bus && within(row.acceptedMs, span));
      const { rows, next } = page(ofSpan, ({ seq }) => [seq], { limit, cursor });
      let bytes = 0;
      const fitting = rows.filter((row, index) => (bytes += row.bytes) <= bytesMax || index === 0);
      const last = fitting.at(-1);
      return { rows: fitting, next: last === undefined || fitting.length === rows.length ? next : [last.seq] };
    },
    event: async (bus, eventId) => eventRows.find((row) => row.bus === bus && row.eventId === eventId) ?? null,
    deliveries: async (bus, filters, options) =>
      page(
        deliveryRows.filter(
          (row) =>
            row.key.bus === bus &&
            within(acceptedMsOf(row.eventId), filters) &&
            (filters.eventId ?? row.eventId) === row.eventId &&
            (filters.subscriptionId ?? row.key.subscriptionId) === row.key.subscriptionId &&
            (filters.status ?? statusOf(row)) === statusOf(row),
        ),
        placeOf,
        options,
      ),
    delivery: async (bus, eventId, subscriptionId, run) =>
      deliveryRows.find(
        (row) =>
          row.key.bus === bus &&
          row.eventId === eventId &&
          row.key.subscriptionId === subscriptionId &&
          row.key.run === run,
      ) ?? null,
    async retry(key, now) {
      const index = deliveryRows.findIndex((row) => at(placeOf(row)) === at([key.seq, key.subscriptionId, key.run]));
      const row = deliveryRows[index];
      if (row === undefined) return null;
      if (eventRows.some(({ eventId, erasedMs }) => eventId === row.eventId && erasedMs !== null))
        return "event-erased";
      if (row.state === "claimed") return "attempt-in-progress";
      deliveryRows[index] = { ...row, state: "waiting", dueMs: now };
      return "waiting";
    },
    async erase(bus, eventId, { now, note }) {
      const index = eventRows.findIndex((row) => row.bus === bus && row.eventId === eventId);
      const row = eventRows[index];
      if (row === undefined) return false;
      if (row.erasedMs !== null) return true;
      eventRows[index] = { ...row, id: "", source: "", subject: null, body: null, erasedMs: now };
      notes.push({ ...note, bus, target: eventId });
      return true;
    },
  };
}

/** Matches on those routes and keeps what it was given. `away` makes it throw, as when a queue does not confirm. */
export function fakeIngest(routes: Routes) {
  const published: Publish[] = [];
  const fake = {
    away: false,
    published,
    async ingest(publish: Publish): Promise<Result<readonly Accepted[], Refusal>> {
      const bus = await routes.bus(publish.bus, publish.background);
      if (bus === null || fake.away) throw new Unavailable("A queue did not confirm");
      published.push(publish);
      const accepted = publish.events.map(async (event) => {
        const subscriptionIds = bus.match(event);
        const eventId = await eventIdOf(publish.bus, event.source, event.id);
        return { eventId, event, matched: subscriptionIds.length, subscriptionIds };
      });
      return ok(await Promise.all(accepted));
    },
  };
  return fake;
}

/** Keeps the wake-ups that it was asked to send. */
export function fakeWakes() {
  const wakes: Wake[] = [];
  return { wakes, wake: async (more: readonly Wake[]) => void wakes.push(...more) };
}

/** Lets everything pass but keys in `refused`, and counts. */
export function fakeRateLimits() {
  const taken: { readonly tier: RateTier; readonly keyId: string }[] = [];
  const refused = new Set<string>();
  const rateLimits: RateLimits = {
    async take(tier, keyId) {
      taken.push({ tier, keyId });
      return !refused.has(keyId);
    },
  };
  return { rateLimits, taken, refused };
}
