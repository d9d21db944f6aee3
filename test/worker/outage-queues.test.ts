// Queues refuse, hang or lose their answers: a publish that was not confirmed whole says 503, the same request again completes it,
// and no sink sees anything twice.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SEND_TIMEOUT_MS, SWEEP_GRACE_MS, UNAVAILABLE_RETRY_SECONDS } from "../../src/core/limits.ts";
import { sink } from "../sink-client.ts";
import type { Held, QueueMode, TestRouter } from "./router.ts";
import { createStage, type Stage, timesSeen } from "./stage.ts";

let stage: Stage;
let router: TestRouter;
beforeEach(async () => {
  stage = await createStage();
  router = stage.router;
});
afterEach(async () => {
  expect(await stage.faults()).toEqual({});
});

type Fates = QueueMode | (() => QueueMode);

const FAST = ["DELIVERIES_FAST_0", "DELIVERIES_FAST_1"] as const;
const setFast = (mode: Fates): void => FAST.forEach((name) => void (router.modes[name] = mode));
const setAll = (mode: Fates): void => {
  setFast(mode);
  for (const name of ["DELIVERIES_SLOW_0", "DELIVERIES_SLOW_1", "DELIVERIES_POISON"] as const)
    router.modes[name] = mode;
};
const EVENT = { type: "t", source: "/s", id: "1", data: { total: 1 } };
const acks = (messages: readonly Held[]) => messages.map((message) => ({ message, verdict: "ack" }));

async function expectUnavailable(answer: Response): Promise<void> {
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe(String(UNAVAILABLE_RETRY_SECONDS));
  expect(await answer.json()).toMatchObject({ type: "https://fantail.dev/problems/unavailable" });
}

/** Ids whose events go to the first shard of `fast`, and to the second. */
async function idsByShard(): Promise<readonly [string, string]> {
  const found: [string?, string?] = [];
  for (let number = 0; found[0] === undefined || found[1] === undefined; number++) {
    await router.publish({ type: "unmatched", source: "/s", id: `probe ${number}` });
    const [message] = router.take();
    if (message !== undefined) found[message.queue === "fantail-fast-0" ? 0 : 1] = `probe ${number}`;
  }
  return [found[0], found[1]];
}

/** Each delivery of a list of sinks was seen exactly so often. */
async function expectSeen(
  sinks: readonly { requests(): ReturnType<ReturnType<typeof sink>["requests"]> }[],
  deliveries: number,
) {
  for (const one of sinks) {
    const seen = timesSeen(await one.requests());
    expect(seen.size).toBe(deliveries);
    expect([...seen.values()].filter((times) => times !== 1)).toEqual([]);
  }
}

describe("publish", () => {
  it("answers 503 when both shards refuse, and the same request completes it", async () => {
    const one = sink();
    await router.subscribe({ sink: one.url });
    setFast("fail");
    await expectUnavailable(await router.publish(EVENT));
    expect(router.sends.map(({ queue }) => queue).toSorted()).toEqual(["fantail-fast-0", "fantail-fast-1"]);
    expect(router.held).toEqual([]);
    expect(stage.lines("queue.send_failed")).toHaveLength(1);

    setFast("confirm");
    const answer = await router.publish(EVENT);
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ accepted: 1, events: [{ status: "accepted", matched: 1 }] });
    await router.drain();
    await expectSeen([one], 1);
    expect(await router.json("/v1/events")).toMatchObject({ data: [{ id: "1", duplicates: 0 }] });
  });

  it("answers 503 after 5 s on each shard when both hang, and the same request completes it", async () => {
    const { clock } = stage;
    const one = sink();
    await router.subscribe({ sink: one.url });
    setFast("hang");
    const beganMs = clock.now();
    const publishing = router.publish(EVENT);
    await clock.pass(SEND_TIMEOUT_MS);
    await clock.pass(SEND_TIMEOUT_MS);
    await expectUnavailable(await publishing);
    expect(clock.now() - beganMs).toBe(2 * SEND_TIMEOUT_MS);
    expect(router.sends).toHaveLength(2);

    setFast("confirm");
    expect((await router.publish(EVENT)).status).toBe(202);
    await router.drain();
    await expectSeen([one], 1);
  });

  it.each([
    { failing: 0, mode: "fail" },
    { failing: 1, mode: "fail" },
    { failing: 0, mode: "hang" },
    { failing: 1, mode: "hang" },
  ] as const)(
    "answers 202 when shard $failing alone is set to $mode: its sibling takes what it had",
    async ({ failing, mode }) => {
      const { clock } = stage;
      const one = sink();
      await router.subscribe({ sink: one.url, types: ["t"] });
      const ids = await idsByShard();
      router.modes[FAST[failing]] = mode;
      for (const [shard, id] of ids.entries()) {
        // Sends before this one sleep as long, and are of no interest.
        clock.advance(1);
        const publishing = router.publish({ ...EVENT, id });
        if (mode === "hang" && shard === failing) await clock.pass(SEND_TIMEOUT_MS);
        expect((await publishing).status, `shard ${shard}`).toBe(202);
      }
      const sibling = `fantail-fast-${1 - failing}`;
      expect(router.held.map(({ queue }) => queue)).toEqual([sibling, sibling]);
      await router.drain();
      await expectSeen([one], 2);
    },
  );

  it("whose answer from a shard is lost puts a copy on the sibling, and it is delivered once", async () => {
    const one = sink();
    await one.program([], { delayMs: 200 });
    const { id } = await router.subscribe({ sink: one.url });
    const [first] = await idsByShard();
    router.modes.DELIVERIES_FAST_0 = "lose-answer";
    expect((await router.publish({ ...EVENT, id: first })).status).toBe(202);
    const copies = router.take();
    expect(copies.map(({ queue }) => queue)).toEqual(["fantail-fast-0", "fantail-fast-1"]);
    // Both shards hand theirs out at the same time; the one that comes too late waits for the other's lease.
    const handled = (await Promise.all(copies.map((copy) => router.handle([copy])))).flat();
    const late = handled.filter(({ verdict }) => verdict !== "ack").map(({ message }) => message);
    expect(late).toHaveLength(1);
    stage.clock.advance(600_000);
    expect(await router.handle(late)).toEqual(acks(late));
    await expectSeen([one], 1);
    expect(await stage.record(id)).toMatchObject([{ status: "delivered", attempt: 1 }]);
    // A copy is no publish of its own.
    expect(await router.json("/v1/events")).toMatchObject({ data: [{ duplicates: 0 }] });
  });

  it("whose answers are all lost says 503; repeated, there are four copies and one delivery", async () => {
    const one = sink();
    await router.subscribe({ sink: one.url });
    setFast("lose-answer");
    await expectUnavailable(await router.publish(EVENT));
    await expectUnavailable(await router.publish(EVENT));
    const copies = router.take();
    expect(copies).toHaveLength(4);
    expect(await router.handle(copies)).toEqual(acks(copies));
    await expectSeen([one], 1);
    expect(await stage.claims()).toBe(0);
  });

  it("of many sends of which some are refused says 503, and the same request delivers exactly the missing", async () => {
    const sinks = [sink(), sink()];
    for (const { url } of sinks) await router.subscribe({ sink: url });
    const events = Array.from({ length: 20 }, (_, index) => {
      return { specversion: "1.0", type: "t", source: "/s", id: String(index), data: "x".repeat(40_000) };
    });
    const publish = () =>
      router.request("/v1/events", {
        method: "POST",
        body: JSON.stringify(events),
        headers: { "content-type": "application/cloudevents-batch+json" },
      });
    // From the third send on nothing goes through, on neither shard.
    let sends = 0;
    setFast(() => (++sends > 2 ? "fail" : "confirm"));
    await expectUnavailable(await publish());
    expect(router.sends.length).toBeGreaterThan(4);
    const partial = router.take();
    expect(partial.length).toBeGreaterThan(0);
    expect(partial.length).toBeLessThan(events.length);
    for (const queue of new Set(partial.map((message) => message.queue)))
      await router.handle(partial.filter((message) => message.queue === queue));
    await expectSeen(sinks, partial.length);

    setFast("confirm");
    const answer = await publish();
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ accepted: events.length, rejected: 0 });
    await router.drain();
    await expectSeen(sinks, events.length);
    const { data } = await router.json<{ data: { duplicates: number }[] }>("/v1/events");
    expect(data.filter(({ duplicates }) => duplicates === 1)).toHaveLength(partial.length);
    expect(data.filter(({ duplicates }) => duplicates === 0)).toHaveLength(events.length - partial.length);
  });

  it("of one event in several parcels, of which only the first send went through, completes the others", async () => {
    // 30 deliveries are three parcels; with 6 such events and large bodies they are several sends.
    const sinks = Array.from({ length: 30 }, () => sink());
    for (const { url } of sinks) await router.subscribe({ sink: url });
    const events = Array.from({ length: 6 }, (_, index) => {
      return { specversion: "1.0", type: "t", source: "/s", id: String(index), data: "x".repeat(50_000) };
    });
    const publish = () =>
      router.request("/v1/events", {
        method: "POST",
        body: JSON.stringify(events),
        headers: { "content-type": "application/cloudevents-batch+json" },
      });
    let sends = 0;
    setFast(() => (++sends > 1 ? "fail" : "confirm"));
    await expectUnavailable(await publish());
    const partial = router.take();
    expect(partial.length % 3).not.toBe(0);
    await router.handle(partial);
    setFast("confirm");
    expect((await publish()).status).toBe(202);
    await router.drain();
    await expectSeen(sinks, events.length);
  });
});

describe("deliver", () => {
  it("whose wake-up no queue takes acks all the same, and the sweep wakes what waits", async () => {
    const { clock } = stage;
    const one = sink();
    await one.program([{ status: 503 }]);
    const { id } = await router.subscribe({ sink: one.url, retry: { schedule_s: [30] } });
    await router.publish(EVENT);
    const messages = router.take();
    setAll("fail");
    expect(await router.handle(messages)).toEqual(acks(messages));
    expect(stage.lines("wake.failed")).toMatchObject([{ level: "warn", fields: { deliveries: 1 } }]);
    expect(router.held).toEqual([]);

    setAll("confirm");
    clock.advance(30_000 + SWEEP_GRACE_MS - 1);
    await router.sweep();
    expect(router.held).toEqual([]);
    clock.advance(1);
    await router.sweep();
    expect(router.held).toHaveLength(1);
    await router.drain();
    expect(await stage.record(id)).toMatchObject([{ status: "delivered", attempt: 2 }]);
  });

  it("whose wake-up a queue hangs on is held up by two timeouts, not more", async () => {
    const { clock } = stage;
    const one = sink();
    await one.program([{ status: 503 }]);
    const { id } = await router.subscribe({ sink: one.url });
    await router.publish(EVENT);
    const messages = router.take();
    clock.advance(1);
    setAll("hang");
    const work = router.handle(messages);
    await clock.pass(SEND_TIMEOUT_MS);
    await clock.pass(SEND_TIMEOUT_MS);
    expect(await work).toEqual(acks(messages));
    expect(await stage.record(id)).toMatchObject([{ status: "retrying", attempt: 1 }]);
    expect(await stage.claims()).toBe(0);
  });

  it("whose sweep cannot wake says so, and the next sweep wakes once", async () => {
    const { clock } = stage;
    const one = sink();
    await one.program([{ status: 503 }]);
    await router.subscribe({ sink: one.url, retry: { schedule_s: [30] } });
    await router.publish(EVENT);
    await router.handle(router.take());
    // Lost by its queue.
    router.take();
    clock.advance(30_000 + SWEEP_GRACE_MS);
    setAll("fail");
    await expect(router.sweep()).rejects.toThrow();
    expect(stage.lines("sweep.failed")).toMatchObject([{ level: "error" }]);
    setAll("confirm");
    await router.sweep();
    await router.sweep();
    expect(router.held).toHaveLength(1);
    await router.drain();
    expect(await one.requests()).toHaveLength(2);
  });
});
