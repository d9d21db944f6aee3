// A router whose secrets are wrong: it says so to its operator, and loses no message while it waits to be mended.
import { expect, it } from "vitest";
import { MESSAGE_RETRY_SECONDS_MAX, POISON_RETRY_SECONDS } from "../../src/core/limits.ts";
import { sink } from "../sink-client.ts";
import { createTestRouter } from "./router.ts";

it("messages wait, on the lanes and on the poison queue, and are delivered when it is mended", async () => {
  const good = createTestRouter();
  const one = sink();
  await good.subscribe({ sink: one.url });
  await good.publish({ type: "t" });
  const [message] = good.take();
  if (message === undefined) throw new Error("Nothing was published");
  const broken = createTestRouter({ ENCRYPTION_KEY: "mistyped" });
  expect((await broken.handle([message])).map(({ verdict }) => verdict)).toEqual([
    { retryAfterSeconds: MESSAGE_RETRY_SECONDS_MAX },
  ]);
  expect((await broken.handle([message], "fantail-poison")).map(({ verdict }) => verdict)).toEqual([
    { retryAfterSeconds: POISON_RETRY_SECONDS },
  ]);
  await good.handle([message]);
  expect(await one.requests()).toHaveLength(1);
});

it("every request is answered 500 with an id, and without a word about the secret", async () => {
  const broken = createTestRouter({ ROOT_KEY: "short" });
  for (const path of ["/healthz", "/v1/events"]) {
    const answer = await broken.request(path);
    expect(answer.status).toBe(500);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    const problem = await answer.json<Record<string, unknown>>();
    expect(problem).toEqual({
      type: "https://fantail.dev/problems/internal-error",
      title: expect.any(String),
      status: 500,
      instance: answer.headers.get("x-request-id"),
    });
  }
});
