import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { weather } from "../../src/d1/unavailable.ts";
import { Unavailable } from "../../src/ports.ts";

const db = env.DB;

test.each([
  "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
  "D1_ERROR: Network connection lost.",
  "D1_ERROR: D1 DB reset because its code was updated.",
  "D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.",
  "D1_ERROR: database is locked: SQLITE_BUSY",
  "D1_ERROR: Exceeded maximum DB size: SQLITE_FULL",
  "Network connection lost.",
  "internal error; reference = abc",
])("weather() throws Unavailable for %s", async (message) => {
  const cause = new Error(message);
  const failure = await weather(() => Promise.reject(cause)).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Unavailable);
  expect(failure).toHaveProperty("cause", cause);
});

test.each([
  ["a syntax error", () => db.prepare("SELEC 1").run()],
  ["a missing table", () => db.prepare("SELECT * FROM nothing").run()],
  ["a constraint", () => db.prepare("INSERT INTO meta VALUES (1, 1, 1)").run()],
  ["a wrong type", () => db.prepare("UPDATE meta SET version = 'x'").run()],
  ["a value D1 cannot take", async () => await db.prepare("SELECT ?1").bind(undefined).run()],
  ["a failing statement of a batch", () => db.batch([db.prepare("SELECT 1"), db.prepare("SELECT x FROM meta")])],
  ["a language error", () => Promise.reject(new TypeError("undefined is not a function"))],
])("weather() lets %s through as it is", async (_, work: () => Promise<unknown>) => {
  const direct = await work().catch((error: unknown) => error);
  const failure = await weather(work).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(failure).not.toBeInstanceOf(Unavailable);
  expect(String(failure)).toBe(String(direct));
});

test("weather() answers what the work answers, and passes an Unavailable on", async () => {
  expect(await weather(() => Promise.resolve(7))).toBe(7);
  const away = new Unavailable("away");
  await expect(weather(() => Promise.reject(away))).rejects.toBe(away);
});
