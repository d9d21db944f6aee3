// What follows from a settle: it holds no batch up, however long it takes, and says nothing that is not so.
import { beforeEach, expect, it } from "vitest";
import {
  BREAKER_FAILURES,
  D1_CALL_TIMEOUT_MS,
  LEASE_MS,
  NOTICES_TIMEOUT_MS,
  ROUTES_FRESH_MS,
  ROUTES_STALE_MS,
  SETTLE_EARLY_MS,
  SETTLE_RETRY_MS,
  SWEEP_GRACE_MS,
} from "../../src/core/limits.ts";
import { OPERATOR_BUS } from "../../src/core/notice.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import { isSettle } from "./flaky-db.ts";
import type { TestRouter } from "./router.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
let router: TestRouter;
let bad: SinkClient;
let operator: SinkClient;
beforeEach(async () => {
  stage = await createStage();
  router = stage.router;
  [bad, operator] = [sink(), sink()];
  const asOperator = { headers: { "fantail-bus": OPERATOR_BUS } };
  await router.json("/v1/subscriptions", router.post("", { sink: operator.url }, asOperator));
  stage.clock.advance(ROUTES_STALE_MS + 1);
});

async function told(): Promise<string[]> {
  const requests = await operator.requests();
  return requests.map(({ bodyBase64 }): string => JSON.parse(atob(bodyBase64)).type).toSorted();
}

const never = (): Promise<never> => new Promise(() => {});
const isDisable = (statements: readonly string[]): boolean =>
  statements.some((sql) => sql.includes("status = 'disabled'"));
const isRefresh = (statements: readonly string[]): boolean => statements.some((sql) => sql.includes("buses_version"));

it("a refresh of the routes that hangs behind a notice ends no batch late", async () => {
  await bad.program([], { status: 500 });
  await router.subscribe({ sink: bad.url, retry: { schedule_s: [86_400] } });
  // This isolate knows the bus of the operators, though not freshly: it looks again behind the publish.
  await router.publish({ type: "t" }, { headers: { "fantail-bus": OPERATOR_BUS } });
  await router.drain();
  for (let index = 0; index < BREAKER_FAILURES; index++) await router.publish({ type: "t" });
  const messages = router.take();
  stage.clock.advance(ROUTES_FRESH_MS + 1);
  const refreshing = Promise.withResolvers<void>();
  stage.flaky.fate = (statements) => {
    if (!isRefresh(statements)) return "pass";
    refreshing.resolve();
    return never();
  };
  const handling = router.handle(messages);
  await refreshing.promise;
  stage.clock.advance(NOTICES_TIMEOUT_MS);
  expect((await handling).every(({ verdict }) => verdict === "ack")).toBe(true);
});

it("disabling that hangs holds up neither the outcomes of others nor the batch", async () => {
  const hanging = sink();
  await bad.program([], { status: 410 });
  await hanging.program([], { hang: true });
  for (const { url } of [bad, hanging]) await router.subscribe({ sink: url, retry: { schedule_s: [86_400] } });
  await router.publish({ type: "t" });
  const messages = router.take();
  const [disabling, settledTwice] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let settles = 0;
  stage.flaky.fate = (statements) => {
    if (isSettle(statements) && ++settles === 2) settledTwice.resolve();
    if (!isDisable(statements)) return "pass";
    disabling.resolve();
    return never();
  };
  const handling = router.handle(messages);
  await hanging.waitForArrivals(1);
  await stage.attempted(1);
  await stage.clock.pass(SETTLE_EARLY_MS);
  await disabling.promise;
  // The last settle does not wait for what follows from the first.
  await hanging.forget();
  await settledTwice.promise;
  stage.clock.advance(D1_CALL_TIMEOUT_MS);
  expect((await handling).every(({ verdict }) => verdict === "ack")).toBe(true);
  expect(stage.lines("disable.failed")).toHaveLength(1);
});

/** The waits of a settle that fails, and fails again. */
async function passRetries(): Promise<void> {
  for (const waitMs of SETTLE_RETRY_MS) await stage.clock.pass(waitMs);
}

it("outcomes that come too late are no news: what was delivered meanwhile is not told dead", async () => {
  await bad.program([{ status: 500, headers: { "webhook-delivery": "abort" } }], { status: 200 });
  const { id } = await router.subscribe({ sink: bad.url });
  await router.publish({ type: "t" });
  const messages = router.take();
  stage.flaky.fate = (statements) => (isSettle(statements) ? "fail-before" : "pass");
  const handling = router.handle(messages);
  await passRetries();
  await handling;
  stage.flaky.fate = () => "pass";
  const [outcomes, ...none] = router.take();
  expect(none).toEqual([]);
  if (outcomes === undefined) throw new Error("The outcomes did not travel");
  stage.clock.advance(LEASE_MS + SWEEP_GRACE_MS + 1);
  await router.sweep();
  await router.drain();
  expect(await stage.record(id)).toMatchObject([{ status: "delivered" }]);
  await router.handle([outcomes]);
  await router.drain();
  expect(await stage.record(id)).toMatchObject([{ status: "delivered" }]);
  expect(await told()).toEqual([]);
});

it("what one half of a settle changed is told also when the other half has to be repeated", async () => {
  await router.json("/v1/buses/quiet", { ...router.post("", { log_level: "failures" }), method: "PUT" });
  const onQuiet = { headers: { "fantail-bus": "quiet" } };
  await bad.program([], { status: 500 });
  const settings = { sink: bad.url, retry: { schedule_s: [86_400] } };
  await router.subscribe(settings);
  await router.json("/v1/subscriptions", router.post("", settings, onQuiet));
  for (let index = 0; index < BREAKER_FAILURES; index++) await router.publish({ type: "t" });
  await router.publish({ type: "t" }, onQuiet);
  const messages = router.take();
  let failed = 0;
  stage.flaky.fate = (statements) => {
    const isFirst = statements.some((sql) => sql.includes("attempts)\n  SELECT e.bus"));
    if (!isFirst || failed > 0) return "pass";
    failed += 1;
    return "fail-before";
  };
  const handling = router.handle(messages.map((message) => ({ ...message, queue: "fantail-fast-0" })));
  await stage.clock.pass(SETTLE_RETRY_MS[0]);
  await handling;
  expect(failed).toBe(1);
  await router.drain();
  expect(await told()).toEqual(["breaker.opened"]);
});
