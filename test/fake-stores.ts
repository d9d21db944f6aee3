/** The stores in memory, over one counter, as in D1: they count, refuse when full, lose lost races, and note what was changed. */
import { DEFAULT_BUS_SETTINGS } from "../src/core/bus.ts";
import { BUS_NAME_REST_MS, KEY_USE_WRITE_MS } from "../src/core/limits.ts";
import type {
  Audit,
  AuditEntry,
  AuditNote,
  Bus,
  BusStore,
  ChangedSubscription,
  DatabaseState,
  HealthRecord,
  Key,
  KeyStore,
  NewKey,
  NotMade,
  Rows,
  SinkHealth,
  StoredSubscription,
  SubscriptionStore,
} from "../src/ports.ts";

function pageBefore<T extends { readonly id: string }>(
  rows: readonly T[],
  { limit, before }: { readonly limit: number; readonly before: string | null },
): Rows<T, string> {
  const rest = rows.filter(({ id }) => before === null || id < before).toSorted((a, b) => (a.id < b.id ? 1 : -1));
  const page = rest.slice(0, limit);
  return { rows: page, next: rest.length > limit ? (page.at(-1)?.id ?? null) : null };
}

/** What two stores share: the counter, the buses, the entries of the audit. */
interface World {
  version: number;
  readonly limits: { readonly buses: number; readonly keys: number; readonly subscriptions: number };
  readonly buses: Map<string, Bus>;
  /** When the deleted ones were deleted. */
  readonly graves: Map<string, number>;
  readonly keys: Map<string, Key>;
  readonly subscriptions: Map<string, StoredSubscription>;
  /** Ids that were deleted. */
  readonly tombstones: Set<string>;
  readonly entries: AuditEntry[];
  /** Before when what a subscription holds is skipped, by its id; 0: never. */
  readonly resumedFrom: Map<string, number>;
  /** Of sinks that an attempt was made to, by the id of the subscription. */
  readonly health: Map<string, SinkHealth>;
  /** When the oldest event was accepted whose delivery has not ended, by the id of the subscription. */
  readonly oldestMs: Map<string, number>;
  database: DatabaseState;
}

const note = (world: World, bus: string, target: string, entry: AuditNote): void =>
  void world.entries.push({ ...entry, bus, target });

const inBus = <T extends { readonly bus: string }>(rows: ReadonlyMap<string, T>, bus: string): readonly T[] =>
  [...rows.values()].filter((row) => row.bus === bus);

/** The row, unless its bus is deleted. */
function of<T extends { readonly bus: string }>(world: World, rows: ReadonlyMap<string, T>, bus: string, id: string) {
  const row = rows.get(id);
  return row?.bus === bus && world.buses.has(bus) ? row : null;
}

/** Counted as D1 counts: beside the rows. */
const counted = (world: World, bus: Bus): Bus => ({
  ...bus,
  subscriptions: inBus(world.subscriptions, bus.bus).length,
  keys: inBus(world.keys, bus.bus).length,
});

function busStore(world: World): BusStore {
  const { buses, graves } = world;
  return {
    async create(bus, { settings, now, note: entry }) {
      const known = buses.get(bus);
      if (known !== undefined) return { bus: counted(world, known), created: false };
      const grave = graves.get(bus);
      const hasRest = [...world.keys.values(), ...world.subscriptions.values(), ...world.entries].some(
        (row) => row.bus === bus,
      );
      if (grave !== undefined && (hasRest || now < grave + BUS_NAME_REST_MS)) return "being-deleted";
      if (buses.size >= world.limits.buses) return "limit-reached";
      const made = {
        bus,
        settings,
        subscriptions: 0,
        keys: 0,
        createdMs: now,
        updatedMs: now,
        version: ++world.version,
      };
      buses.set(bus, made);
      graves.delete(bus);
      note(world, "default", bus, entry);
      return { bus: made, created: true };
    },
    async get(bus) {
      const known = buses.get(bus);
      return known === undefined ? null : counted(world, known);
    },
    async list({ limit, after }) {
      const rest = [...buses.values()]
        .filter(({ bus }) => after === null || bus > after)
        .toSorted((a, b) => (a.bus < b.bus ? -1 : 1));
      const page = rest.slice(0, limit);
      const next = rest.length > limit ? (page.at(-1)?.bus ?? null) : null;
      return { rows: page.map((bus) => counted(world, bus)), next };
    },
    async replace(bus, { settings, expected, now, note: entry }) {
      const known = buses.get(bus);
      if (known?.version !== expected) return null;
      const next = { ...known, settings, updatedMs: now, version: ++world.version };
      buses.set(bus, next);
      note(world, "default", bus, entry);
      return counted(world, next);
    },
    async delete(bus, { expected, now, note: entry }) {
      const known = buses.get(bus);
      if (known?.version !== expected) return null;
      buses.delete(bus);
      graves.set(bus, now);
      note(world, "default", bus, entry);
      return ++world.version;
    },
    database: async () => world.database,
  };
}

function keyStore(world: World): KeyStore {
  const { keys } = world;
  function made(key: NewKey, entry: AuditNote): Key | NotMade {
    if (!world.buses.has(key.bus)) return "bus-gone";
    if (world.tombstones.has(key.id)) return "deleted-since";
    const known = keys.get(key.id);
    if (known !== undefined) return known;
    if (inBus(keys, key.bus).length >= world.limits.keys) return "limit-reached";
    const stored = { ...key, updatedMs: key.createdMs, lastUsedMs: null, replacedBy: null, version: ++world.version };
    keys.set(key.id, stored);
    note(world, key.bus, key.id, entry);
    return stored;
  }
  return {
    create: async (key, entry) => made(key, entry),
    async rotate(successor, { id, expected, untilMs, notes }) {
      const { bus } = successor;
      const former = of(world, keys, bus, id);
      const known = keys.get(successor.id);
      if (known !== undefined) return { successor: known, former };
      if (world.tombstones.has(successor.id)) return "deleted-since";
      if (former?.version !== expected) return null;
      const stored = made(successor, notes.created);
      if (typeof stored === "string") return stored;
      const expiresMs = Math.min(former.expiresMs ?? untilMs, untilMs);
      const times = { expiresMs, updatedMs: successor.createdMs };
      const ended = { ...former, ...times, replacedBy: successor.id, version: ++world.version };
      keys.set(id, ended);
      note(world, bus, id, notes.rotated);
      return { successor: stored, former: ended };
    },
    list: async (bus, page) => pageBefore(inBus(keys, bus), page),
    get: async (bus, id) => of(world, keys, bus, id),
    async replace(key, { expected, note: entry }) {
      if (of(world, keys, key.bus, key.id)?.version !== expected) return null;
      const stored = { ...key, version: ++world.version };
      keys.set(key.id, stored);
      note(world, key.bus, key.id, entry);
      return stored;
    },
    async revoke(bus, id, { expected, note: entry }) {
      if (of(world, keys, bus, id)?.version !== expected) return null;
      keys.delete(id);
      world.tombstones.add(id);
      note(world, bus, id, entry);
      return ++world.version;
    },
    async used(bus, id, now) {
      const row = of(world, keys, bus, id);
      if (row !== null && (row.lastUsedMs === null || row.lastUsedMs <= now - KEY_USE_WRITE_MS))
        keys.set(id, { ...row, lastUsedMs: now });
    },
  };
}

function subscriptionStore(world: World): SubscriptionStore {
  const { subscriptions } = world;
  const changed = (stored: StoredSubscription): ChangedSubscription => {
    const { bus, id, types, source, filters } = stored;
    const wanted = JSON.stringify({ types, source, filters });
    return { subscription: stored, change: { kind: "subscription", version: stored.version, bus, id, wanted } };
  };
  const put = (stored: StoredSubscription, entry: AuditNote): ChangedSubscription => {
    subscriptions.set(stored.id, stored);
    note(world, stored.bus, stored.id, entry);
    return changed(stored);
  };
  return {
    async create(subscription, entry) {
      const { bus, id } = subscription;
      if (!world.buses.has(bus)) return "bus-gone";
      if (world.tombstones.has(id)) return "deleted-since";
      const known = subscriptions.get(id);
      if (known !== undefined) return changed(known);
      if (inBus(subscriptions, bus).length >= world.limits.subscriptions) return "limit-reached";
      return put({ ...subscription, version: ++world.version }, entry);
    },
    get: async (bus, id) => of(world, subscriptions, bus, id),
    async wanted(bus, ids) {
      const found = ids.flatMap((id) => of(world, subscriptions, bus, id) ?? []);
      return new Map(found.map(({ id, types, source, filters }) => [id, { types, source, filters }]));
    },
    list: async (bus, page) => pageBefore(inBus(subscriptions, bus), page),
    async replace(subscription, { expected, note: entry, resumeFromMs = 0 }) {
      const row = of(world, subscriptions, subscription.bus, subscription.id);
      if (row?.version !== expected) return null;
      world.resumedFrom.set(row.id, Math.max(world.resumedFrom.get(row.id) ?? 0, resumeFromMs));
      const answer = put({ ...subscription, version: ++world.version }, entry);
      const secrets = subscription.secrets ?? row.secrets;
      subscriptions.set(row.id, { ...answer.subscription, secrets, headers: subscription.headers ?? row.headers });
      return answer;
    },
    async delete(bus, id, { expected, note: entry }) {
      const row = of(world, subscriptions, bus, id);
      if (row?.version !== expected) return null;
      subscriptions.delete(id);
      world.tombstones.add(id);
      note(world, bus, id, entry);
      return { kind: "subscription", version: ++world.version, bus, id, wanted: null };
    },
    async disable(bus, id, { reason, attemptedMs, now, auditId }) {
      const row = of(world, subscriptions, bus, id);
      if (row?.status !== "active" || row.updatedMs > attemptedMs) return null;
      const disabled = { ...row, status: "disabled", disabledReason: reason, updatedMs: now } as const;
      const before = JSON.stringify({ status: "active", disabled_reason: null });
      const after = JSON.stringify({ status: "disabled", disabled_reason: reason });
      const action = "subscription.disabled";
      const entry = { id: auditId, atMs: now, actor: "system", requestId: null, action, before, after } as const;
      return put({ ...disabled, version: ++world.version }, entry).change;
    },
  };
}

function auditOf({ entries }: World): Audit {
  return {
    async list(bus, { target, actor, action, sinceMs = 0, untilMs = Number.POSITIVE_INFINITY }, page) {
      const kept = entries.filter(
        (entry) =>
          entry.bus === bus &&
          entry.atMs >= sinceMs &&
          entry.atMs < untilMs &&
          (target ?? entry.target) === entry.target &&
          (actor ?? entry.actor) === entry.actor &&
          (action ?? entry.action) === entry.action,
      );
      return pageBefore(kept, page);
    },
  };
}

const WELL = {
  lane: "fast",
  breaker: "closed",
  latencyMs: null,
  failureRate: 0,
  failures: 0,
  failingSinceMs: null,
  openedMs: null,
  probeMs: null,
  pausedUntilMs: 0,
} as const;

/** The health of a sink that nothing is known of, but for what is given. */
export const healthOf = (subscriptionId: string, known: Partial<SinkHealth> = {}): SinkHealth => ({
  ...WELL,
  bus: "default",
  subscriptionId,
  ...known,
});

function healthRecord(world: World): HealthRecord {
  return {
    async get(bus, id) {
      if (of(world, world.subscriptions, bus, id) === null) return null;
      const known = world.health.get(id) ?? healthOf(id, { bus });
      return { ...known, oldestUndeliveredMs: world.oldestMs.get(id) ?? null };
    },
    async list(bus, { lane, breaker }, { now, ...page }) {
      const inTrouble = inBus(world.health, bus).filter(
        (one) =>
          (one.lane === "slow" || one.breaker !== "closed" || one.failures > 0 || one.pausedUntilMs > now) &&
          (lane ?? one.lane) === one.lane &&
          (breaker ?? one.breaker) === one.breaker,
      );
      const { rows, next } = pageBefore(
        inTrouble.map((health) => ({ id: health.subscriptionId, health })),
        page,
      );
      return { rows: rows.map(({ health }) => health), next };
    },
  };
}

/** Buses, keys, subscriptions, their health and the audit over one counter, as in D1. */
export function fakeStores(limits: World["limits"] = { buses: 10, keys: 10, subscriptions: 10 }) {
  const first = { bus: "default", settings: DEFAULT_BUS_SETTINGS, subscriptions: 0, keys: 0 };
  const world: World = {
    version: 1,
    limits,
    buses: new Map([["default", { ...first, createdMs: 0, updatedMs: 0, version: 1 }]]),
    graves: new Map(),
    keys: new Map(),
    subscriptions: new Map(),
    tombstones: new Set(),
    entries: [],
    resumedFrom: new Map(),
    health: new Map(),
    oldestMs: new Map(),
    database: { bytes: 0, failuresOnly: false, shortenedMs: 0 },
  };
  return {
    world,
    busStore: busStore(world),
    keyStore: keyStore(world),
    subscriptionStore: subscriptionStore(world),
    audit: auditOf(world),
    healthRecord: healthRecord(world),
    /** Everything that is stored, to tell whether something was. */
    stored: () =>
      JSON.stringify([[...world.buses.values()], [...world.keys.values()], [...world.subscriptions.values()]]),
    /** Entries of the audit, oldest first. */
    entries: world.entries,
    /** What the sweep does to a deleted bus. */
    clear(bus: string): void {
      for (const { id } of inBus(world.keys, bus)) world.keys.delete(id);
      for (const { id } of inBus(world.subscriptions, bus)) world.subscriptions.delete(id);
      const kept = world.entries.filter((entry) => entry.bus !== bus);
      world.entries.splice(0, world.entries.length, ...kept);
    },
  };
}

let notes = 0;

/** A note with an id of its own. */
export function noteFor(action: AuditNote["action"], changes: Partial<AuditNote> = {}): AuditNote {
  const id = `aud_${String(++notes).padStart(26, "0")}`;
  return {
    id,
    atMs: 0,
    actor: "root",
    requestId: `req_${"0".repeat(26)}`,
    action,
    before: null,
    after: null,
    ...changes,
  };
}

const PLAIN_KEY = {
  name: null,
  types: null,
  allowedOrigins: null,
  rateLimit: "standard",
  expiresMs: null,
  createdMs: 1_800_000_000_000,
} as const;

/** A key as it is handed to a store. */
export const plainKey = (key: Partial<NewKey> & Pick<NewKey, "id" | "bus" | "hash">): NewKey => ({
  ...PLAIN_KEY,
  scopes: ["publish"],
  ...key,
});
