// What an event costs, counted: D1 calls and rows written are money and time.
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { sink } from "../sink-client.ts";
import { flakyDb } from "./flaky-db.ts";
import { createTestRouter } from "./router.ts";

it("a warm publish makes no D1 call", async () => {
  const flaky = flakyDb(env.DB);
  const router = createTestRouter({ DB: flaky.db });
  await router.publish({ type: "t", data: 1 });
  flaky.calls.length = 0;
  for (let index = 0; index < 20; index++) expect((await router.publish({ type: "t", data: index })).status).toBe(202);
  expect(flaky.calls).toEqual([]);
});

it("a queue batch makes two D1 calls", async () => {
  const flaky = flakyDb(env.DB);
  const router = createTestRouter({ DB: flaky.db });
  const one = sink();
  await router.subscribe({ sink: one.url, types: ["two-calls"] });
  for (let index = 0; index < 25; index++) await router.publish({ type: "two-calls", data: index });
  const messages = router.take();
  flaky.calls.length = 0;
  await router.handle(messages);
  expect(await one.requests()).toHaveLength(25);
  expect(flaky.calls).toHaveLength(2);
});

// docs/delivery.md: 6.1, 12.1 and 33.1 rows written per event, deletion at the end of retention included.
it.each([
  { fanOut: 1, rowsMax: 6.2 },
  { fanOut: 3, rowsMax: 12.2 },
  { fanOut: 10, rowsMax: 33.2 },
])("an event with fan-out $fanOut writes at most $rowsMax rows in its life", async ({ fanOut, rowsMax }) => {
  const flaky = flakyDb(env.DB);
  const router = createTestRouter({ DB: flaky.db });
  const type = `rows-${fanOut}`;
  for (let index = 0; index < fanOut; index++) await router.subscribe({ sink: sink().url, types: [type] });
  // What is known of a sink is written at its first attempt, and then when it changes.
  await router.publish({ type, data: -1 });
  await router.handle(router.take());
  for (let index = 0; index < 25; index++) await router.publish({ type, data: index });
  const first = await env.DB.prepare("SELECT max(seq) FROM events WHERE type = ?1").bind(type).first("max(seq)");
  const before = flaky.rowsWritten();
  await router.handle(router.take());
  const lived = flaky.rowsWritten() - before;
  const removed = await flaky.db.batch([
    flaky.db
      .prepare("DELETE FROM deliveries WHERE (bus, seq) IN (SELECT bus, seq FROM events WHERE type = ?1 AND seq > ?2)")
      .bind(type, first),
    flaky.db.prepare("DELETE FROM events WHERE type = ?1 AND seq > ?2").bind(type, first),
  ]);
  const died = removed.reduce((sum, result) => sum + result.meta.rows_written, 0);
  expect((lived + died) / 25).toBeLessThanOrEqual(rowsMax);
  expect((lived + died) / 25).toBeGreaterThan(fanOut);
});
