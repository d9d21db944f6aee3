/** A tail of which tests say what happens next, and metrics of which nothing was counted. */
import { toCounts } from "../src/d1/metric-columns.ts";
import type { EventOnRecord, Metrics, Tail, TailPlace } from "../src/ports.ts";

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

const NONE = toCounts({});

export function fakeMetrics(): Metrics {
  return {
    series: async () => [],
    bySubscription: async () => new Map(),
    totals: async () => ({
      bus: NONE,
      subscriptions: [{ subscriptionId: "sub_00000000000000000000000001", counts: NONE }],
      isCut: false,
    }),
    backlog: async () => ({ waiting: 0, held: 0, isLeast: false, oldestAcceptedMs: null }),
  };
}
