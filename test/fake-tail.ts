/** A tail of which tests say what happens next, and metrics of which nothing was counted. */
import { METRIC_SERIES_MAX } from "../src/core/limits.ts";
import type { Counts, EventOnRecord, Metrics, Tail, TailPlace } from "../src/ports.ts";

export function fakeTail() {
  const events: { readonly place: TailPlace; readonly event: EventOnRecord }[] = [];
  const open = new Set<string>();
  const state = { isFull: false };
  const tail: Tail = {
    end: async () => ({ place: 1_800_000_000_000, n: 0 }),
    events: async (_bus, _filters, { after }) => ({ entries: events.splice(0), place: after, more: false }),
    deliveries: async (_bus, _id, { after }) => ({ entries: [], place: after, more: false }),
    bodies: async () => [],
    isOver: async () => false,
    open: async (_bus, id) => {
      if (!state.isFull) open.add(id);
      return !state.isFull;
    },
    close: async (_bus, id) => void open.delete(id),
  };
  return { tail, events, open, state };
}

const NONE: Counts = {
  events: 0,
  succeeded: 0,
  failed: 0,
  slowLane: 0,
  delivered: 0,
  dead: 0,
  attemptMs: { sum: 0, counts: Array.from({ length: 12 }, () => 0) },
  deliveryMs: { sum: 0, counts: Array.from({ length: 12 }, () => 0) },
};

export function fakeMetrics(): Metrics {
  return {
    series: async () => [],
    bySubscription: async () => new Map(),
    totals: async () => ({
      bus: NONE,
      subscriptions: [{ subscriptionId: "sub_00000000000000000000000001", counts: NONE }].slice(0, METRIC_SERIES_MAX),
      isCut: false,
    }),
    backlog: async () => ({ waiting: 0, held: 0, isLeast: false, oldestAcceptedMs: null }),
  };
}
