import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { BUSES_MAX } from "../../src/core/limits.ts";
import { d1Buses } from "../../src/d1/buses.ts";

const db = env.DB;
const store = d1Buses({ db });
const NOW = 1_800_000_000_000;
const countBuses = () => db.prepare("SELECT count(*) AS count FROM buses").first<number>("count");

test("put() makes a bus once and answers it ever after", async () => {
  const first = await store.put("staging", NOW);
  const version = await db.prepare("SELECT version FROM meta").first<number>("version");
  const bus = { bus: "staging", createdMs: NOW, updatedMs: NOW, version };
  expect(first).toEqual({ bus, created: true });
  expect(await store.put("staging", NOW + 5)).toEqual({ bus, created: false });
});

test("put() of many at once makes one and says so to one", async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => store.put("raced", NOW + index)));
  expect(answers.filter((answer) => answer !== "limit-reached" && answer.created)).toHaveLength(1);
  expect(new Set(answers.map((answer) => (answer === "limit-reached" ? answer : answer.bus.createdMs))).size).toBe(1);
});

test("put() of the bus that every installation has makes nothing", async () => {
  expect(await store.put("default", NOW)).toMatchObject({ bus: { bus: "default", version: 1 }, created: false });
});

test("put() makes buses up to the limit, and still answers those there are", async () => {
  const there = (await countBuses()) ?? 0;
  await db
    .prepare(
      `INSERT INTO buses (bus, version, created_ms, updated_ms)
       WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT 'filler-' || i, 1, 0, 0 FROM n`,
    )
    .bind(BUSES_MAX - there - 1)
    .run();
  expect(await store.put("last-one", NOW)).toMatchObject({ created: true });
  expect(await store.put("one-more", NOW)).toBe("limit-reached");
  expect(await store.put("last-one", NOW)).toMatchObject({ created: false });
  expect(await countBuses()).toBe(BUSES_MAX);
});
