// One bad sink in a batch: the others are settled at once, the batch keeps its time budget, connections stay bounded.
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { PUSHES_MAX, PUSHES_PER_SUBSCRIPTION_MAX, SETTLE_EARLY_MS, SLOW_ATTEMPT_MS } from "../../src/core/limits.ts";
import { concurrency, resetConcurrency, sink } from "../sink-client.ts";
import { flakyDb, isSettle } from "./flaky-db.ts";
import { createTestRouter } from "./router.ts";
import { createStage } from "./stage.ts";

const statesOf = async (subscriptionId: string): Promise<Record<string, number>> => {
  const { results } = await env.DB.prepare(
    "SELECT state || coalesce(':' || cause, '') AS state, count(*) AS count FROM deliveries WHERE subscription_id = ?1 GROUP BY 1",
  )
    .bind(subscriptionId)
    .all<{ state: string; count: number }>();
  return Object.fromEntries(results.map(({ state, count }) => [state, count]));
};

it("100 deliveries of a hanging sink do not hold up the others of their batch", { timeout: 60_000 }, async () => {
  const flaky = flakyDb(env.DB);
  const router = createTestRouter({ DB: flaky.db });
  const [bad, good] = [sink(), sink()];
  await bad.program([], { hang: true });
  const hanging = await router.subscribe({ sink: bad.url, timeout_ms: 4_000 });
  const healthy = await router.subscribe({ sink: good.url });
  for (let index = 0; index < 100; index++) await router.publish({ type: "t", source: "/s", id: `h-${index}` });
  const messages = router.take();
  expect(messages).toHaveLength(100);
  await resetConcurrency();
  flaky.calls.length = 0;

  let open = true;
  const work = router.handle(messages).finally(() => (open = false));
  await good.waitFor(100);
  const settledEarly = async (): Promise<void> => {
    while (((await statesOf(healthy.id))["delivered"] ?? 0) < 100) {
      // The batch is still pushing: only an early settle can have written this.
      expect(open).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await settledEarly();
  expect(open).toBe(true);
  const handled = await work;
  expect(handled.every(({ verdict }) => verdict === "ack")).toBe(true);

  // The two that were tried wait for their schedule; the rest was given back, not burnt.
  expect(await statesOf(hanging.id)).toEqual({ "waiting:retry": PUSHES_PER_SUBSCRIPTION_MAX, "waiting:released": 98 });
  expect((await bad.state()).concurrentMax).toBe(PUSHES_PER_SUBSCRIPTION_MAX);
  expect((await concurrency()).concurrentMax).toBeLessThanOrEqual(PUSHES_MAX);
  expect(flaky.calls.filter(isSettle).length).toBeGreaterThanOrEqual(2);
  const released = await env.DB.prepare(
    "SELECT max(attempt) AS attempt FROM deliveries WHERE cause = 'released'",
  ).first<{
    attempt: number;
  }>();
  expect(released?.attempt).toBe(0);
  // What was given back is woken on the slow lane, at once.
  const wakes = router.take();
  expect(wakes.filter(({ queue }) => queue.startsWith("fantail-slow")).length).toBeGreaterThanOrEqual(10);
  expect(SETTLE_EARLY_MS).toBeLessThan(3_000);
});

it("at most five requests are open at a time, however many subscriptions a batch has", async () => {
  const router = createTestRouter();
  const sinks = Array.from({ length: 30 }, () => sink());
  for (const one of sinks) {
    await one.program([], { status: 200, delayMs: 30 });
    await router.subscribe({ sink: one.url, types: ["crowd"] });
  }
  for (let index = 0; index < 3; index++) await router.publish({ type: "crowd", source: "/s", id: `c-${index}` });
  await resetConcurrency();
  await router.handle(router.take());
  const { concurrentMax } = await concurrency();
  expect(concurrentMax).toBeGreaterThan(1);
  expect(concurrentMax).toBeLessThanOrEqual(PUSHES_MAX);
  for (const one of sinks) expect(await one.requests()).toHaveLength(3);
});

it("a sink that hangs in a batch of lane slow, and was thought fast, is known as slow while it hangs", async () => {
  const { clock, router } = await createStage();
  const bad = sink();
  await bad.program([], { hang: true });
  const { id } = await router.subscribe({ sink: bad.url });
  await router.publish({ type: "t" });
  const handling = router.handle(router.take(), "fantail-slow-0");
  await bad.waitForArrivals(1);
  await clock.pass(SLOW_ATTEMPT_MS);
  const lane = () => env.DB.prepare("SELECT lane FROM health WHERE subscription_id = ?1").bind(id).first("lane");
  await expect.poll(lane).toBe("slow");
  await bad.forget();
  await handling;
});
