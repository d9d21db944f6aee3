/** What every IdempotencyStore must do, whatever it remembers requests in. */
import { expect, it } from "vitest";
import { IDEMPOTENCY_KEPT_MS, IDEMPOTENCY_SEED_BYTES } from "../src/core/limits.ts";
import type { IdempotencyStore } from "../src/ports.ts";

const NOW = 1_800_000_000_000;
const ANSWER = { status: 201, headers: { etag: '"2"' }, body: '{"key":"ftk_shown_once"}' };

let made = 0;
const seed = (fill: number) => new Uint8Array(IDEMPOTENCY_SEED_BYTES).fill(fill);
const place = () => ({ bus: "default", actor: "root", key: `key/${++made} ~!` });
const request = (fill: number, beganMs = NOW) => ({ fingerprint: `print-${fill}`, beganMs, seed: seed(fill) });

/** Declares the tests over that store. */
export function testIdempotencyStore(store: IdempotencyStore): void {
  it("begin() remembers the first request, whoever comes later", async () => {
    const at = place();
    expect(await store.begin(at, request(1))).toEqual({ ...request(1), answer: null });
    expect(await store.begin(at, request(2, NOW + 1))).toEqual({ ...request(1), answer: null });
    expect(await store.begin({ ...at, actor: "key_1" }, request(3))).toEqual({ ...request(3), answer: null });
    expect(await store.begin({ ...at, bus: "other" }, request(4))).toEqual({ ...request(4), answer: null });
  });

  it("begin() of many at once gives all the same seed", async () => {
    const at = place();
    const known = await Promise.all(Array.from({ length: 6 }, (_, index) => store.begin(at, request(index))));
    expect(new Set(known.map(({ fingerprint }) => fingerprint)).size).toBe(1);
  });

  it("finish() keeps the first answer, and begin() answers it", async () => {
    const at = place();
    await store.begin(at, request(1));
    await store.finish(at, request(1), ANSWER);
    await store.finish(at, request(1), { ...ANSWER, body: "another" });
    await store.finish(at, request(2), { ...ANSWER, body: "of another request" });
    expect(await store.begin(at, request(5))).toEqual({ ...request(1), answer: ANSWER });
  });

  it("begin() takes a request anew that is as old as requests are kept, and not a millisecond before", async () => {
    const at = place();
    await store.begin(at, request(1));
    await store.finish(at, request(1), ANSWER);
    expect((await store.begin(at, request(2, NOW + IDEMPOTENCY_KEPT_MS - 1))).answer).toEqual(ANSWER);
    const fresh = request(2, NOW + IDEMPOTENCY_KEPT_MS);
    expect(await store.begin(at, fresh)).toEqual({ ...fresh, answer: null });
    // The earlier request ends late: its answer is none to the later one.
    await store.finish(at, request(1), ANSWER);
    expect(await store.begin(at, request(3, NOW + IDEMPOTENCY_KEPT_MS))).toEqual({ ...fresh, answer: null });
  });

  it("forget() leaves nothing of that request, and everything of an answered or another one", async () => {
    const at = place();
    await store.begin(at, request(1));
    await store.forget(at, "print-2");
    expect((await store.begin(at, request(2))).fingerprint).toBe("print-1");
    await store.forget(at, "print-1");
    expect((await store.begin(at, request(2))).fingerprint).toBe("print-2");
    await store.finish(at, request(2), ANSWER);
    await store.forget(at, "print-2");
    expect((await store.begin(at, request(3))).answer).toEqual(ANSWER);
  });

  it("finish() is remembered although a repetition was refused and forgotten meanwhile", async () => {
    const at = place();
    await store.begin(at, request(1));
    await store.forget(at, "print-1");
    await store.finish(at, request(1), ANSWER);
    expect(await store.begin(at, request(2))).toEqual({ ...request(1), answer: ANSWER });
  });
}
