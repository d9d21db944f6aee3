import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { IDEMPOTENCY_SEED_BYTES } from "../../src/core/limits.ts";
import { createVault } from "../../src/core/vault.ts";
import { d1Idempotency } from "../../src/d1/idempotency.ts";
import { fakeRandom } from "../fakes.ts";
import { testIdempotencyStore } from "../idempotency-suite.ts";
import { watched } from "./watched-db.ts";

const db = env.DB;
const random = fakeRandom();
const [older, newer] = [7, 8].map((fill) => new Uint8Array(32).fill(fill));
if (older === undefined || newer === undefined) throw new Error("There are two keys");
const under = (...keys: Uint8Array<ArrayBuffer>[]) => d1Idempotency({ db, vault: createVault(keys), random });
const store = under(older);
const NOW = 1_800_000_000_000;
const ANSWER = { status: 201, headers: {}, body: '{"key":"ftk_shown_once"}' };
const place = { bus: "default", actor: "root", key: "one" };
const request = { fingerprint: "print", beganMs: NOW, seed: new Uint8Array(IDEMPOTENCY_SEED_BYTES).fill(65) };

describe("as every store", () => testIdempotencyStore(store));

test("neither seed nor answer is in the clear, and neither opens elsewhere", async () => {
  await store.begin(place, request);
  await store.finish(place, request, ANSWER);
  const row = await db.prepare("SELECT * FROM idempotency WHERE key = 'one'").first<Record<string, string>>();
  expect(JSON.stringify(row)).not.toMatch(/shown_once|AAAA|QUFB/);
  await db.exec(
    "INSERT INTO idempotency SELECT 'default', 'key_1', 'one', fingerprint, began_ms, seed, answer FROM idempotency WHERE key = 'one'",
  );
  await expect(store.begin({ ...place, actor: "key_1" }, request)).rejects.toThrow(/belongs to another place/);
});

test("the encryption key rotates: what the old one sealed is opened while it is in the list", async () => {
  expect((await under(newer, older).begin(place, request)).answer).toEqual(ANSWER);
  const late = { ...place, key: "two" };
  await under(newer, older).begin(late, request);
  await under(newer, older).finish(late, request, ANSWER);
  expect(await under(newer).begin(late, request)).toEqual({ ...request, answer: ANSWER });
  // Without it nothing is made up: another seed would make a second thing.
  await expect(under(newer).begin(place, request)).rejects.toThrow(/encryption key [0-9a-f]{8} is missing/);
});

test("while the list is turned round, isolates of either order open what the others sealed; those of before the first step do not", async () => {
  for (const [key, seals, opens] of [
    ["four", under(newer, older), under(older, newer)],
    ["five", under(older, newer), under(newer, older)],
    ["six", under(older), under(older, newer)],
  ] as const) {
    await seals.begin({ ...place, key }, request);
    expect(await opens.begin({ ...place, key }, request)).toEqual({ ...request, answer: null });
  }
  await expect(under(older).begin({ ...place, key: "four" }, request)).rejects.toThrow(/is missing/);
});

test("every statement is answered by the primary key", async () => {
  const { db: reading, plans } = watched(db);
  const reader = d1Idempotency({ db: reading, vault: createVault([older]), random });
  await reader.begin({ ...place, key: "three" }, request);
  await reader.finish({ ...place, key: "three" }, request, ANSWER);
  await reader.forget({ ...place, key: "three" }, "print");
  const lines = await plans();
  expect(lines.filter((line) => line.startsWith("SCAN"))).toEqual([]);
  expect(lines).toContainEqual(
    expect.stringMatching(/^SEARCH idempotency USING PRIMARY KEY \(bus=\? AND actor=\? AND key=\?\)/),
  );
});
