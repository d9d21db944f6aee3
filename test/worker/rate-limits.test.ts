// The real Rate Limiting binding of the local runtime: as many publishes as the limit says, and not one more.
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { RATE_PERIOD_SECONDS, RATE_REQUESTS } from "../../src/core/limits.ts";
import { bindingRateLimits } from "../../src/rate-limits.ts";
import { fakeLogger } from "../fakes.ts";
import { createTestRouter } from "./router.ts";

/** What the first of three tries answers that does not fall into two periods, each of which counts anew. */
async function inOnePeriod<T>(attempt: () => Promise<T>, isWhole: (result: T) => boolean): Promise<T> {
  let result = await attempt();
  for (let tries = 1; tries < 3 && !isWhole(result); tries++) result = await attempt();
  return result;
}

it("a key passes as often as its limit says, and others are not counted with it", async () => {
  const { PUBLISH_RATE_LOW: low, PUBLISH_RATE_STANDARD: standard, PUBLISH_RATE_HIGH: high } = env;
  const logger = fakeLogger();
  const { take } = bindingRateLimits({ bindings: { low, standard, high }, logger });
  let number = 0;
  const attempt = async () => {
    const key = `key_${++number}`;
    const all = await Promise.all(Array.from({ length: RATE_REQUESTS.low + 1 }, () => take("low", key)));
    return all.filter(Boolean).length;
  };
  expect(await inOnePeriod(attempt, (passed) => passed === RATE_REQUESTS.low)).toBe(RATE_REQUESTS.low);
  expect(await take("low", "key_other")).toBe(true);
  expect(await take("standard", `key_${number}`)).toBe(true);
  expect(logger.lines).toEqual([]);
});

it("a key made by the API is answered 429 over the limit of its rate_limit, and root is not", async () => {
  const router = createTestRouter();
  const attempt = async () => {
    const body = { scopes: ["publish"], rate_limit: "low" };
    const { key } = await router.json<{ key: string }>("/v1/keys", router.post("/v1/keys", body));
    const answers = Array.from({ length: RATE_REQUESTS.low + 1 }, () => router.publish({ type: "t" }, { key }));
    return (await Promise.all(answers)).filter(({ status }) => status !== 202);
  };
  const refused = await inOnePeriod(attempt, ({ length }) => length === 1);
  expect(refused.map(({ status, headers }) => [status, headers.get("retry-after")])).toEqual([
    [429, String(RATE_PERIOD_SECONDS)],
  ]);
  const roots = Array.from({ length: RATE_REQUESTS.low + 1 }, () => router.publish({ type: "t" }));
  expect(new Set((await Promise.all(roots)).map(({ status }) => status))).toEqual(new Set([202]));
});
