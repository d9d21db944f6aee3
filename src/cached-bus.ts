/**
 * What an isolate holds of one bus, and how it learns changes that come late, twice or out of order. Synchronous: it asks nobody
 * and reads no clock.
 *
 * The rule: everything up to `version` is known, so a change that is not above it is no news, whichever answer brings it. What
 * the isolate itself changed lies ahead of `version` and keeps its own mark until `version` passes it. So a deletion needs no
 * memory of its own: an answer that still shows the row is below one or the other.
 */
import type { BusSettings } from "./core/bus.ts";
import { ROUTES_BUS_BYTES, ROUTES_CHAR_BYTES, ROUTES_KEY_BYTES, ROUTES_SLOW_BYTES } from "./core/limits.ts";
import { createMatcher, type Matcher } from "./core/matcher/matcher.ts";
import type { Change, KeyGrant, Logger } from "./ports.ts";

export interface CachedBus {
  readonly name: string;
  /** The subscriptions, active or not. */
  readonly matcher: Matcher;
  /** Subscriptions whose sinks are on lane `slow`. */
  readonly slow: Set<string>;
  /** Keys by hash. */
  readonly grants: Map<string, KeyGrant>;
  /** Hashes by key id: a revocation names the id only. */
  readonly hashes: Map<string, string>;
  /** Versions of rows that were learned ahead of `version`. */
  readonly ahead: Map<string, number>;
  /** Of its own row; null: it was not seen yet, or there is no such bus any more. */
  settings: BusSettings | null;
  /** Of its own row; null before it was seen. */
  createdMs: number | null;
  /** Every change up to here is known. */
  version: number;
  /** The counter when its load began: what was deleted before was never learned. */
  loadVersion: number;
  /** When the query was sent that last brought it up to date; null while it is being loaded. */
  checkedMs: number | null;
  /** It holds what is no longer so, or may: whoever has it loads the bus anew. */
  lost: boolean;
  /** Estimate of what its keys cost. */
  keyBytes: number;
}

export function emptyBus(name: string): CachedBus {
  return {
    name,
    matcher: createMatcher(),
    slow: new Set(),
    grants: new Map(),
    hashes: new Map(),
    ahead: new Map(),
    settings: null,
    createdMs: null,
    version: 0,
    loadVersion: 0,
    checkedMs: null,
    lost: false,
    keyBytes: 0,
  };
}

/** True when tombstones are erased that it has not seen, of rows that it may hold. */
export function isBehindPurge(cached: CachedBus, purgedVersion: number): boolean {
  return cached.version > 0 && Math.max(cached.version, cached.loadVersion) < purgedVersion;
}

/** Learns a change of an answer, if it is news. */
export function learn(cached: CachedBus, change: Change, logger: Logger): void {
  const row = rowOf(change);
  if (change.version <= Math.max(cached.version, cached.ahead.get(row) ?? 0)) return;
  if (change.kind === "bus") learnBus(cached, change);
  else if (change.kind === "lane") learnLane(cached, change);
  else if (change.kind === "subscription") learnSubscription(cached, change, logger);
  else learnKey(cached, change);
}

/** Learns a change that this isolate made itself: the changes before it may not be known yet. */
export function learnAhead(cached: CachedBus, change: Change, logger: Logger): void {
  learn(cached, change, logger);
  const row = rowOf(change);
  if (change.version > Math.max(cached.version, cached.ahead.get(row) ?? 0)) cached.ahead.set(row, change.version);
}

/** All changes up to `reached` are learned. A later answer that was sent earlier moves nothing backward. */
export function advance(
  cached: CachedBus,
  to: {
    readonly reached: number;
    /** The counter in the answer's snapshot. */
    readonly counter: number;
    /** When the query was sent, if it brought the bus up to date. */
    readonly checkedMs: number | null;
  },
): void {
  if (cached.version === 0) cached.loadVersion = to.counter;
  cached.version = Math.max(cached.version, to.reached);
  if (to.checkedMs !== null) cached.checkedMs = Math.max(cached.checkedMs ?? to.checkedMs, to.checkedMs);
  for (const [row, version] of cached.ahead) if (version <= cached.version) cached.ahead.delete(row);
}

/** Ids of subscriptions and keys differ by their prefix, a bus has one row of its own, and a lane is beside its subscription. */
function rowOf(change: Change): string {
  if (change.kind === "bus") return "";
  return change.kind === "lane" ? `lane ${change.id}` : change.id;
}

function learnLane(cached: CachedBus, { id, lane }: Change & { kind: "lane" }): void {
  if (lane === "slow") cached.slow.add(id);
  else cached.slow.delete(id);
}

/** What is cached of a deleted bus, or of an earlier one of its name, is not this bus's. */
function learnBus(cached: CachedBus, { settings, createdMs }: Change & { kind: "bus" }): void {
  if (settings === null || (cached.createdMs !== null && cached.createdMs !== createdMs)) cached.lost = true;
  cached.settings = settings;
  cached.createdMs = createdMs;
}

function learnSubscription(cached: CachedBus, change: Change & { kind: "subscription" }, logger: Logger): void {
  const { id, wanted } = change;
  if (wanted === null) {
    cached.matcher.delete(id);
    cached.slow.delete(id);
  } else {
    try {
      cached.matcher.set(id, JSON.parse(wanted));
    } catch (error) {
      // One row that this version of the code cannot read must not keep all others from being learned.
      cached.matcher.delete(id);
      logger.error("routes.unreadable", { bus: cached.name, subscription_id: id, error: String(error) });
    }
  }
}

function learnKey(cached: CachedBus, { id, grant }: Change & { kind: "key" }): void {
  const hash = cached.hashes.get(id);
  const known = hash === undefined ? undefined : cached.grants.get(hash);
  if (known !== undefined) {
    cached.grants.delete(known.hash);
    cached.hashes.delete(id);
    cached.keyBytes -= grantBytes(known);
  }
  if (grant === null) return;
  cached.grants.set(grant.hash, grant);
  cached.hashes.set(id, grant.hash);
  cached.keyBytes += grantBytes(grant);
}

function grantBytes({ hash, types, allowedOrigins }: KeyGrant): number {
  const chars = [hash, ...(types ?? []), ...(allowedOrigins ?? [])].join("").length;
  return ROUTES_KEY_BYTES + ROUTES_CHAR_BYTES * chars;
}

/** Estimate of what a bus costs in memory. */
export const bytesOf = ({ matcher, slow, keyBytes }: CachedBus): number =>
  ROUTES_BUS_BYTES + matcher.bytes + slow.size * ROUTES_SLOW_BYTES + keyBytes;
