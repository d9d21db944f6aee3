// The stores in memory keep the promises of the real ones: the same suites run in test/worker over D1.
import { describe } from "vitest";
import { DEFAULT_BUS_SETTINGS } from "../../src/core/bus.ts";
import { fakeIdempotency } from "../fake-idempotency.ts";
import { fakeStores, noteFor } from "../fake-stores.ts";
import { testIdempotencyStore } from "../idempotency-suite.ts";
import { testKeyStore } from "../key-store-suite.ts";

describe("keys", () => {
  testKeyStore(() => {
    const room = 10;
    const { busStore, keyStore, entries } = fakeStores({ buses: 100, keys: room, subscriptions: 1 });
    let buses = 0;
    return {
      store: keyStore,
      room,
      async newBus() {
        const bus = `bus-${++buses}`;
        await busStore.create(bus, { settings: DEFAULT_BUS_SETTINGS, now: 0, note: noteFor("bus.created") });
        return bus;
      },
      counted: async (bus) => (await busStore.get(bus))?.keys ?? 0,
      async deleteBus(bus) {
        const expected = (await busStore.get(bus))?.version ?? 0;
        await busStore.delete(bus, { expected, now: 0, note: noteFor("bus.deleted") });
      },
      audited: async (bus, id) => entries.filter((entry) => entry.bus === bus && entry.target === id),
    };
  });
});

describe("idempotency", () => {
  testIdempotencyStore(fakeIdempotency());
});
