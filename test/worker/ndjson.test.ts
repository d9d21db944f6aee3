// NDJSON publishes in workerd, over real D1: queues that fail in the middle, producers that hang up, and a long stream in little memory.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SEND_TIMEOUT_MS } from "../../src/core/limits.ts";
import { gzip, piecewise } from "../gzip.ts";
import { sink } from "../sink-client.ts";
import { answerLines, lineStream } from "../stream.ts";
import type { QueueMode, TestRouter } from "./router.ts";
import { createStage, timesSeen, type Stage } from "./stage.ts";

let stage: Stage;
let router: TestRouter;
beforeEach(async () => {
  stage = await createStage();
  router = stage.router;
});
afterEach(async () => {
  expect(await stage.faults()).toEqual({});
});

const event = (id: number, more: object = {}) =>
  JSON.stringify({ specversion: "1.0", id: String(id), source: "/s", type: "t", ...more });
const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${event(from + index)}\n`).join("");
const send = (body: BodyInit, headers: Record<string, string> = {}) =>
  router.request("/v1/events", {
    method: "POST",
    body,
    headers: { "content-type": "application/x-ndjson", ...headers },
    ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
  });
const setFast = (mode: QueueMode | (() => QueueMode)): void =>
  (["DELIVERIES_FAST_0", "DELIVERIES_FAST_1"] as const).forEach((name) => void (router.modes[name] = mode));

const onRecord = async () =>
  (
    await env.DB.prepare("SELECT id, duplicates FROM events ORDER BY CAST(id AS INTEGER)").all<{
      id: string;
      duplicates: number;
    }>()
  ).results;

describe("a stream", () => {
  it("is answered line by line while it is being sent, and all of it is delivered", async () => {
    const one = sink();
    await router.subscribe({ sink: one.url });
    const sending = lineStream();
    const response = await send(sending.body);
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
    const answer = answerLines(response);
    for (const id of [1, 2, 3]) {
      sending.write(`${event(id)}\n`);
      expect(await answer.next()).toMatchObject({ line: id, status: "accepted", matched: 1 });
      expect(router.held).toHaveLength(id);
    }
    sending.end();
    expect(await answer.rest()).toEqual([{ status: "done", lines: 3, accepted: 3, rejected: 0 }]);
    await router.drain();
    expect([...timesSeen(await one.requests()).values()]).toEqual([1, 1, 1]);
  });

  it("counts an event that comes again as a duplicate, also in the same place of a later group", async () => {
    const sending = lineStream();
    const answer = answerLines(await send(sending.body));
    for (let times = 0; times < 3; times++) {
      sending.write(`${event(1)}\n`);
      await answer.next();
    }
    sending.end();
    await answer.rest();
    await router.drain();
    expect(await onRecord()).toEqual([{ id: "1", duplicates: 2 }]);
  });

  it("whose queues fail in the middle says where to go on, and from there it is completed, nothing twice", async () => {
    const one = sink();
    await router.subscribe({ sink: one.url });
    let sends = 0;
    setFast(() => (++sends > 5 ? "fail" : "confirm"));
    const first = await answerLines(await send(piecewise(new TextEncoder().encode(lines(1, 1_000)), 5_000))).rest();
    const stopped = first.at(-1);
    expect(stopped).toMatchObject({ status: "stopped", rejected: 0, problem: { status: 503 } });
    expect(stopped.accepted).toBeGreaterThan(0);
    expect(stopped.next_line).toBe(stopped.accepted + 1);
    expect(first.slice(0, -1).map(({ line }) => line)).toEqual(
      Array.from({ length: stopped.accepted }, (_, index) => index + 1),
    );
    expect(stage.lines("publish.streamed")).toMatchObject([{ level: "warn", fields: { end: "unavailable" } }]);

    setFast("confirm");
    const second = await answerLines(await send(lines(stopped.next_line, 1_000))).rest();
    expect(second.at(-1)).toMatchObject({ status: "done", accepted: 1_001 - stopped.next_line });
    await router.drain();
    const record = await onRecord();
    expect(record.map(({ id }) => Number(id))).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1));
    const seen = timesSeen(await one.requests());
    expect([seen.size, new Set(seen.values())]).toEqual([1_000, new Set([1])]);
  });

  it("whose queues hang is stopped after both timeouts", async () => {
    await router.publish({ type: "warm" });
    router.take();
    stage.clock.advance(1);
    setFast("hang");
    const rest = answerLines(await send(lines(1, 1))).rest();
    await stage.clock.pass(SEND_TIMEOUT_MS);
    await stage.clock.pass(SEND_TIMEOUT_MS);
    expect(await rest).toMatchObject([{ status: "stopped", next_line: 1, problem: { status: 503 } }]);
  });

  it("that is hung up on finishes the group under way and takes no more", async () => {
    const sending = lineStream();
    const answer = answerLines(await send(sending.body));
    sending.write(lines(1, 3));
    expect(await answer.next()).toMatchObject({ line: 1 });
    sending.write(`${event(4)}\n${event(5)}`);
    await answer.cancel();
    await router.settled();
    expect(sending.isCancelled()).toBe(true);
    await router.drain();
    const ids = (await onRecord()).map(({ id }) => id);
    expect(ids.slice(0, 3)).toEqual(["1", "2", "3"]);
    expect(ids).not.toContain("5");
    expect(stage.lines("publish.streamed")).toMatchObject([{ fields: { end: "hung-up", accepted: 3 } }]);
  });

  it("whose body breaks off has confirmed what came whole", async () => {
    const sending = lineStream();
    const answer = answerLines(await send(sending.body));
    sending.write(`${event(1)}\n${event(2)}`);
    expect(await answer.next()).toMatchObject({ line: 1 });
    sending.breakOff();
    expect(await answer.rest()).toMatchObject([{ status: "stopped", next_line: 2, problem: { status: 400 } }]);
  });

  it.each(["identity", "gzip"])(
    "of 50,000 lines (%s) is never far ahead of what is confirmed and read",
    async (coding) => {
      const count = 50_000;
      let made = 0;
      let confirmed = 0;
      let aheadMax = 0;
      let messagesMax = 0;
      const plain = new ReadableStream<Uint8Array<ArrayBuffer>>(
        {
          pull(controller) {
            if (made === count) return controller.close();
            controller.enqueue(Uint8Array.from(new TextEncoder().encode(lines(made + 1, made + 50))));
            made += 50;
            aheadMax = Math.max(aheadMax, made - confirmed);
          },
        },
        { highWaterMark: 0 },
      );
      const body = coding === "gzip" ? piecewise(await gzip(await new Response(plain).text()), 4_096) : plain;
      aheadMax = 0;
      const answer = answerLines(await send(body, { "content-encoding": coding }));
      let last: ReturnType<typeof JSON.parse>;
      for (let line = await answer.next(); line !== undefined; line = await answer.next()) {
        if (line.status === "accepted") confirmed += 1;
        if (confirmed % 1_000 === 0) messagesMax = Math.max(messagesMax, router.take().length);
        last = line;
      }
      router.take();
      expect(last).toEqual({ status: "done", lines: count, accepted: count, rejected: 0 });
      // The group that was told, the one under way, the one gathered, and what came with it.
      if (coding === "identity") expect(aheadMax).toBeLessThanOrEqual(400);
      expect(messagesMax).toBeLessThanOrEqual(1_500);
      expect(router.sends.every(({ messages }) => messages <= 100)).toBe(true);
    },
  );
});
