/**
 * The limiter of one subscription as a state machine: which of a batch's deliveries may be pushed, how many at a time, and when the rest
 * is due again. Pure: the time is passed in, the state is plain data.
 *
 * **Rate.** `limit` in a period P holds over a window of W = max(P, 60 s), in which it allows A = limit · W / P. Permits are spaced by the
 * generic cell rate algorithm (ITU-T I.371): each moves `nextMs` on by T, and one is given while `nextMs` is at most τ ahead of now. So in
 * any half-open window of X at most ⌈(X + τ) / T⌉ are given. One given at g is used in [g, g + D], D = PACE_PERMIT_MS: what is used in W
 * was given in W + D. With T = (W + D + τ) / A that is ⌈(W + D + τ) / T⌉ = ⌈A⌉: never more than the limit, whatever its size. The price is
 * that T is (D + τ) / W longer than the limit's own interval, 5 % at most: 95 % of the limit is what a backlog gets. The burst after a
 * pause is what fits into τ: one and 3 % of A.
 *
 * **What is over** is deferred to slots, one step from the next: fresh deliveries behind `horizonMs`, the end of what was deferred before.
 * One that comes back at its slot goes before fresh ones, which join the queue while there is one. One that comes back and still finds no
 * permit, because others were early or late, goes to the front (`nearMs`), and the queue gets longer by it. So the order is not exact, and
 * nobody waits behind those that came later.
 *
 * **Concurrency.** A batch that is granted anything leases its width, until it is done or LEASE_MS is over.
 */
import {
  LEASE_MS,
  PACE_ABSENT_MS,
  PACE_BATCHES_MAX,
  PACE_IDLE_MS,
  PACE_PERMIT_MS,
  PACE_TOLERANCE_FRACTION,
  PACE_WINDOW_MS_MIN,
  PUSHES_PER_SUBSCRIPTION_MAX,
  RELEASE_DELAY_MS,
  RETRY_DELAY_SECONDS_MAX,
  TIMEOUT_MS_MAX,
} from "./limits.ts";
import type { Pace } from "./subscription.ts";

/** What one batch wants of one subscription. */
export interface PaceAsk {
  /** As it is now: a change takes effect with the next ask. */
  readonly pace: Pace;
  /** Of the batch: the same token twice is one ask whose answer was lost. */
  readonly token: string;
  /** Deliveries that were never deferred. */
  readonly fresh: number;
  /** Deliveries that were deferred before. */
  readonly returning: number;
  /** How long one push is expected to take. */
  readonly expectedMs: number;
}

/** The batch's deliveries in order: those that return, then the fresh ones. */
export interface Grant {
  /** The first so many may be pushed, up to PACE_PERMIT_MS after the ask if there is a rate. */
  readonly allowed: number;
  /** At most so many at a time. */
  readonly width: number;
  /** When each of the rest is due again, Unix milliseconds. */
  readonly deferMs: readonly number[];
}

/** What a batch was granted. */
interface Batch {
  readonly token: string;
  readonly atMs: number;
  readonly allowed: number;
  /** What it holds of the concurrency. */
  readonly leased: number;
  /** How much of `nextMs` may be taken back for permits that it did not use. */
  readonly slackMs: number;
  /** Its first slots, at the front and behind the horizon. */
  readonly nearMs: number;
  readonly behindMs: number;
}

/** What a limiter remembers. All times are Unix milliseconds. */
export interface PaceState {
  /** The last time it was told. An earlier one is another machine's clock: the whole state moves with it. */
  readonly nowMs: number;
  /** T as of the last ask; 0 without a rate. */
  readonly intervalMs: number;
  /** When the next permit is due if all are used evenly. */
  readonly nextMs: number;
  /** The end of the slots at the front. */
  readonly nearMs: number;
  /** The end of all slots: up to here there is a queue. */
  readonly horizonMs: number;
  /** When something was last granted, or a batch was done. */
  readonly servedMs: number;
  readonly batches: readonly Batch[];
}

const AHEAD_MS_MAX = RETRY_DELAY_SECONDS_MAX * 1_000;

const NEVER_ASKED: PaceState = {
  nowMs: 0,
  intervalMs: 0,
  nextMs: 0,
  nearMs: 0,
  horizonMs: 0,
  servedMs: 0,
  batches: [],
};

/** T and τ of the arithmetic above, and the time that one of `concurrency` places is taken. All 0 where there is no limit. */
interface Spacing {
  readonly intervalMs: number;
  readonly toleranceMs: number;
  readonly placeMs: number;
}

function spacingOf({ rate, concurrency }: Pace, expectedMs: number): Spacing {
  const pushMs = Math.min(Math.max(expectedMs, 1), TIMEOUT_MS_MAX);
  const placeMs = concurrency === null ? 0 : Math.max(1, pushMs / concurrency);
  if (rate === null) return { intervalMs: 0, toleranceMs: 0, placeMs };
  const periodMs = rate.periodSeconds * 1_000;
  const windowMs = Math.max(periodMs, PACE_WINDOW_MS_MIN);
  const toleranceMs = windowMs * PACE_TOLERANCE_FRACTION;
  const allowance = (rate.limit * windowMs) / periodMs;
  return { intervalMs: (windowMs + PACE_PERMIT_MS + toleranceMs) / allowance, toleranceMs, placeMs };
}

/** The state as it is at that time, under that spacing. */
function broughtTo(state: PaceState, now: number, spacing: Spacing): PaceState {
  const { intervalMs } = spacing;
  const backMs = Math.max(0, state.nowMs - now);
  // Under another rate as many permits and slots are ahead as before, at its interval; without one nobody has to wait for any.
  const scale = state.intervalMs === 0 ? 1 : intervalMs / state.intervalMs;
  const moved = (ms: number): number => {
    const aheadMs = ms - backMs - now;
    return now + (aheadMs > 0 ? aheadMs * scale : aheadMs);
  };
  const nextMs = moved(state.nextMs);
  const servedMs = state.servedMs - backMs;
  const isAbsent = now - Math.max(nextMs, servedMs + spacing.placeMs) > PACE_ABSENT_MS;
  const batches = state.batches
    .map((batch) => {
      const slackMs = scale === 1 ? Math.min(batch.slackMs, nextMs - now) : 0;
      return { ...batch, atMs: batch.atMs - backMs, slackMs };
    })
    .filter(({ atMs }) => now - atMs < LEASE_MS);
  return {
    nowMs: now,
    intervalMs,
    nextMs,
    nearMs: isAbsent ? now : moved(state.nearMs),
    horizonMs: isAbsent ? now : moved(state.horizonMs),
    servedMs,
    batches,
  };
}

/** Slots, each within 24 h: those that would be later share the second half of that time, spread. */
function slots(fromMs: number, count: number, { stepMs, now }: { stepMs: number; now: number }): number[] {
  return Array.from({ length: count }, (_, index) => {
    const aheadMs = fromMs + index * stepMs - now;
    const half = AHEAD_MS_MAX / 2;
    return Math.ceil(now + (aheadMs <= AHEAD_MS_MAX ? aheadMs : half + (aheadMs % half)));
  });
}

/** What the batch gets, and the state after it. */
export function ask(
  before: PaceState | null,
  request: PaceAsk,
  now: number,
): { readonly state: PaceState; readonly grant: Grant } {
  const { pace, token, fresh, returning } = request;
  const spacing = spacingOf(pace, request.expectedMs);
  const { intervalMs, toleranceMs, placeMs } = spacing;
  const state = broughtTo(before ?? NEVER_ASKED, now, spacing);
  const stepMs = Math.max(intervalMs, placeMs);
  const grantOf = ({ allowed, leased, nearMs, behindMs }: Batch): Grant => {
    const given = Math.min(allowed, returning + fresh);
    const back = Math.max(0, returning - given);
    const options = { stepMs, now };
    return {
      allowed: given,
      width: Math.min(PUSHES_PER_SUBSCRIPTION_MAX, given, pace.concurrency === null ? given : leased),
      deferMs: [...slots(nearMs, back, options), ...slots(behindMs, returning + fresh - given - back, options)],
    };
  };
  const known = state.batches.find((batch) => batch.token === token);
  // Later than that its permits are over, and it asks for new ones.
  if (known !== undefined && now - known.atMs < PACE_PERMIT_MS) return { state, grant: grantOf(known) };

  const others = state.batches.filter((batch) => batch !== known);
  const leased = others.reduce((sum, batch) => sum + batch.leased, 0);
  const room = Math.max(0, (pace.concurrency ?? Infinity) - leased);
  const evenMs = Math.max(state.nextMs, now);
  const permits = intervalMs === 0 ? Infinity : Math.max(0, Math.floor((now + toleranceMs - evenMs) / intervalMs) + 1);
  const free = room === 0 ? 0 : permits;
  const back = Math.min(returning, free);
  const allowed = back + (state.horizonMs > now ? 0 : Math.min(fresh, free - back));
  const nextMs = allowed === 0 ? state.nextMs : evenMs + allowed * intervalMs;

  // Without a place there is none before another batch ends, and that is not told.
  const soonestMs = Math.max(nextMs, now + Math.max(placeMs, room === 0 ? RELEASE_DELAY_MS : 0));
  const nearMs = Math.max(state.nearMs, soonestMs);
  const front = returning - back;
  const behindMs = Math.max(state.horizonMs, soonestMs) + front * stepMs;
  const rest = fresh - (allowed - back);
  const batch: Batch = {
    token,
    atMs: now,
    allowed,
    leased: pace.concurrency === null ? 0 : Math.min(PUSHES_PER_SUBSCRIPTION_MAX, allowed, room),
    slackMs: allowed * intervalMs,
    nearMs,
    behindMs,
  };
  const after: PaceState = {
    ...state,
    nextMs,
    nearMs: front === 0 ? state.nearMs : nearMs + front * stepMs,
    horizonMs: front + rest === 0 ? state.horizonMs : behindMs + rest * stepMs,
    servedMs: allowed === 0 ? state.servedMs : now,
    batches: remembered([...others, batch]),
  };
  return { state: after, grant: grantOf(batch) };
}

/** Leases are as many as the concurrency at most; of the other batches the oldest are forgotten. */
function remembered(batches: readonly Batch[]): readonly Batch[] {
  const excess = batches.length - PACE_BATCHES_MAX;
  if (excess <= 0) return batches;
  const forgotten = new Set(batches.filter(({ leased }) => leased === 0).slice(0, excess));
  return batches.filter((batch) => !forgotten.has(batch));
}

/**
 * The batch pushes no more: its places are free, and so are the permits that it did not use. Taking `unused` · T back from `nextMs` is
 * exact only as long as `nextMs` would not have fallen behind the clock without those permits: `slackMs` is how near it came to that at
 * each ask since. Other batches may have been given what is taken back, so their slack gets less by all of it.
 */
export function done(
  state: PaceState,
  { token, unused }: { readonly token: string; readonly unused: number },
  now: number,
): PaceState {
  const batch = state.batches.find((one) => one.token === token);
  if (batch === undefined) return state;
  const backMs = Math.min(Math.max(0, unused), batch.allowed) * state.intervalMs;
  return {
    ...state,
    nowMs: Math.max(state.nowMs, now),
    nextMs: state.nextMs - Math.max(0, Math.min(backMs, batch.slackMs)),
    servedMs: Math.max(state.servedMs, now),
    batches: state.batches.filter((one) => one !== batch).map((one) => ({ ...one, slackMs: one.slackMs - backMs })),
  };
}

/** From when on the state says nothing that matters, unless somebody asks before. */
export const forgottenMs = ({ nowMs, nextMs }: PaceState): number => Math.max(nowMs + PACE_IDLE_MS, nextMs);
