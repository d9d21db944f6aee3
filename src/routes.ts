/**
 * The isolate's copy of subscriptions and keys: when it is fresh enough, when D1 is asked, what serves while D1 is away. All
 * requests of the isolate share the state, which is plain data: each awaits its own queries only, and whatever an answer teaches
 * is learned in one go, without an await. What a bus holds and how versions order it is in cached-bus.ts.
 */
import { eventForm } from "./core/event-form.ts";
import { inTime } from "./core/in-time.ts";
import {
  ROUTES_BYTES_MAX,
  ROUTES_CHANGES_MAX,
  ROUTES_FRESH_MS,
  ROUTES_LOAD_TIMEOUT_MS,
  ROUTES_OUTAGE_MS,
  ROUTES_QUERY_TIMEOUT_MS,
  ROUTES_STALE_MS,
  ROUTES_UNKNOWN_BUSES_MAX,
  ROUTES_UNKNOWN_MS,
} from "./core/limits.ts";
import { rulesOf } from "./core/bus.ts";
import { advance, bytesOf, emptyBus, type CachedBus, isBehindPurge, learn, learnAhead } from "./cached-bus.ts";
import { type Background, type ChangeFeed, type Clock, type Logger, type Routes, Unavailable } from "./ports.ts";

/** What an isolate holds between requests. Plain data: no promise, no stream, nothing that belongs to a request. */
export interface RoutesState {
  /** Buses that exist, loaded or being loaded; the least recently used first. */
  readonly buses: Map<string, CachedBus>;
  /** When buses that do not exist were last looked for, the oldest first. */
  readonly unknown: Map<string, number>;
  /** When the last refresh began. */
  refreshBeganMs: number;
  /** The last change that this isolate made itself. */
  madeVersion: number;
  /** What the last answer said of the database: it is nearly full. */
  failuresOnly: boolean;
}

export function emptyRoutesState(): RoutesState {
  return { buses: new Map(), unknown: new Map(), refreshBeganMs: 0, madeVersion: 0, failuresOnly: false };
}

/** Loaded at some time; else what it has is only the beginning of a load. */
const isLoaded = (cached: CachedBus | undefined): cached is CachedBus & { checkedMs: number } =>
  cached !== undefined && cached.checkedMs !== null;

/** The routes of one isolate, following `feed`. */
export function createRoutes(deps: {
  readonly feed: ChangeFeed;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly state: RoutesState;
}): Routes {
  const { feed, clock, logger, state } = deps;

  const ageMs = (cached: CachedBus): number => clock.now() - (cached.checkedMs ?? 0);

  /**
   * One query, and what it teaches about these buses. True when it was the last page: they are then as of the moment it was sent.
   * Queries of several requests overlap and may end in any order; versions alone decide what is news.
   */
  async function ask(cached: readonly CachedBus[]): Promise<boolean> {
    const known = new Map(cached.map((bus) => [bus, bus.version]));
    const from = Math.min(...known.values());
    const sentMs = clock.now();
    const madeBefore = state.madeVersion;
    const names = cached.map(({ name }) => name);
    const { changes, version, purgedVersion, failuresOnly } = await feed.since(from, names);
    state.failuresOnly = failuresOnly;

    // A counter below what was known when it was asked for is another database: one that was restored to an earlier time.
    const lost = cached.filter((bus) => version < (known.get(bus) ?? 0) || isBehindPurge(bus, purgedVersion));
    for (const bus of lost) forget(bus);
    if (lost.length > 0) logger.warn("routes.reloaded", { buses: lost.length, from, version, purged: purgedVersion });
    const learning = new Map(cached.map((bus) => [bus.name, bus]));
    for (const change of changes) {
      const bus = learning.get(change.bus);
      if (bus === undefined) continue;
      learn(bus, change, logger);
      if (bus.lost) forget(bus);
    }
    const lastChange = changes.length < ROUTES_CHANGES_MAX ? undefined : changes.at(-1);
    // A change that this isolate made while the query was on its way may have reached no cached bus, nor the answer.
    const overtaken = state.madeVersion > version && state.madeVersion > madeBefore;
    const last = lastChange === undefined && !overtaken;
    for (const bus of learning.values())
      advance(bus, { reached: lastChange?.version ?? version, counter: version, checkedMs: last ? sentMs : null });
    shrink();
    return last;
  }

  /** Brings all loaded buses up to date. @throws Unavailable */
  async function refresh(): Promise<void> {
    state.refreshBeganMs = clock.now();
    for (;;) {
      const loaded = [...state.buses.values()].filter(isLoaded);
      if (loaded.length === 0 || (await ask(loaded))) return;
    }
  }

  /**
   * The bus, loaded from the beginning or from where another load stopped; null when there is none. It is cached as soon as it is
   * known to exist, so that what failed or ran out of time is carried on by the next request. @throws Unavailable
   */
  async function load(name: string): Promise<CachedBus | null> {
    const beganMs = clock.now();
    let cached = emptyBus(name);
    for (;;) {
      cached = state.buses.get(name) ?? cached;
      if (isLoaded(cached)) return cached;
      if (clock.now() - beganMs >= ROUTES_LOAD_TIMEOUT_MS)
        throw new Unavailable(`The bus ${name} is still being loaded`);
      const last = await ask([cached]);
      const isGone = cached.createdMs !== null && cached.settings === null;
      if (cached.lost && !isGone) cached = emptyBus(name);
      else if (state.buses.has(name)) continue;
      else if (cached.settings !== null) keep(cached);
      else if (last || isGone) {
        remember(name, cached.checkedMs ?? beganMs);
        return null;
      }
    }
  }

  /** The bus as fresh as the rules ask. @throws Unavailable */
  async function current(name: string, background: Background): Promise<CachedBus | null> {
    const known = state.buses.get(name);
    if (isLoaded(known)) await freshen(known, background);
    let cached: CachedBus | null | undefined = state.buses.get(name);
    if (!isLoaded(cached)) {
      const lookedMs = state.unknown.get(name);
      if (lookedMs !== undefined && clock.now() - lookedMs <= ROUTES_UNKNOWN_MS) return null;
      cached = await within(load(name), ROUTES_LOAD_TIMEOUT_MS, background);
    }
    if (cached !== null && state.buses.delete(name)) state.buses.set(name, cached);
    return cached;
  }

  async function freshen(cached: CachedBus, background: Background): Promise<void> {
    if (ageMs(cached) <= ROUTES_FRESH_MS) return;
    if (ageMs(cached) <= ROUTES_STALE_MS) {
      if (clock.now() - state.refreshBeganMs < ROUTES_FRESH_MS) return;
      background(refresh().catch((error: unknown) => logger.warn("routes.refresh_failed", { error: String(error) })));
      return;
    }
    try {
      await within(refresh(), ROUTES_QUERY_TIMEOUT_MS, background);
    } catch (error) {
      if (!(error instanceof Unavailable) || ageMs(cached) > ROUTES_OUTAGE_MS) throw error;
      if (ageMs(cached) <= ROUTES_STALE_MS) return;
      logger.warn("routes.stale", { bus: cached.name, age_ms: ageMs(cached), error: error.message });
    }
  }

  /** The work's answer if it comes in time. What comes too late is still learned. @throws Unavailable */
  function within<T>(work: Promise<T>, limitMs: number, background: Background): Promise<T> {
    // Its failure is told to whoever waits; here it only must not end the request.
    background(work.catch(() => undefined));
    const tooLate = () => new Unavailable(`The database did not answer within ${limitMs} ms`);
    return inTime(work, clock.sleep(limitMs), tooLate);
  }

  function keep(cached: CachedBus): void {
    state.buses.set(cached.name, cached);
    shrink();
  }

  function forget(cached: CachedBus): void {
    cached.lost = true;
    if (state.buses.get(cached.name) === cached) state.buses.delete(cached.name);
  }

  /** Lets go of the least recently used buses; the one in use stays, whatever its size. */
  function shrink(): void {
    let bytes = 0;
    for (const cached of state.buses.values()) bytes += bytesOf(cached);
    for (const [name, cached] of state.buses) {
      if (bytes <= ROUTES_BYTES_MAX || state.buses.size === 1) return;
      state.buses.delete(name);
      bytes -= bytesOf(cached);
    }
  }

  function remember(name: string, lookedMs: number): void {
    state.unknown.delete(name);
    state.unknown.set(name, lookedMs);
    for (const oldest of state.unknown.keys()) {
      if (state.unknown.size <= ROUTES_UNKNOWN_BUSES_MAX) return;
      state.unknown.delete(oldest);
    }
  }

  return {
    async bus(name, background) {
      const cached = await current(name, background);
      if (cached === null || cached.settings === null) return null;
      const rules = rulesOf(cached.settings, state.failuresOnly);
      return {
        bus: name,
        rules,
        match: (event) => cached.matcher.match(eventForm(event)),
        laneOf: (subscriptionId) => (cached.slow.has(subscriptionId) ? "slow" : "fast"),
        nearest: (event, bounds) => cached.matcher.nearest(event, bounds),
        size: cached.matcher.size,
      };
    },

    async key(bus, hash, background) {
      const cached = await current(bus, background);
      const grant = cached?.grants.get(hash);
      if (cached === null || grant !== undefined || ageMs(cached) <= ROUTES_UNKNOWN_MS) return grant ?? null;
      // Without an answer it is not known that there is no such key, so that is not said.
      await within(refresh(), ROUTES_QUERY_TIMEOUT_MS, background);
      return (await current(bus, background))?.grants.get(hash) ?? null;
    },

    rules(name) {
      const settings = state.buses.get(name)?.settings ?? null;
      return settings === null ? null : rulesOf(settings, state.failuresOnly);
    },

    applied(change) {
      state.madeVersion = Math.max(state.madeVersion, change.version);
      state.unknown.delete(change.bus);
      const cached = state.buses.get(change.bus);
      if (cached === undefined) return;
      learnAhead(cached, change, logger);
      if (cached.lost) forget(cached);
    },
  };
}
