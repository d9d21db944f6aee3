// One change of a plan, against a server that stands in for the router: made on what the plan saw, its secret kept before anything else.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createClient } from "../../src/client/client.ts";
import { Failure } from "../../src/cli/failure.ts";
import { processOutput } from "../../src/cli/output.ts";
import { carryOut } from "../../src/cli/state/carry-out.ts";
import type { AnyChange } from "../../src/cli/state/changes.ts";
import { secretsSink } from "../../src/cli/state/secrets.ts";
import { fakeFantail, json, problem, raw } from "../client/fake-fantail.ts";
import { emptyFolder } from "./command.ts";

const ON = { bus: "default", name: "billing" } as const;
const UPDATE: AnyChange = {
  ...ON,
  action: "update",
  kind: "subscription",
  id: "sub_1",
  version: 7,
  patch: { types: ["a"] },
  members: [],
};
const MADE: AnyChange = {
  ...ON,
  action: "create",
  kind: "key",
  document: { name: "billing", scopes: ["read"] },
  members: [],
};

async function world() {
  const fake = await fakeFantail();
  const file = join(emptyFolder(), "secrets.json");
  const secrets = await secretsSink(file, processOutput(true));
  return { fake, file, secrets, client: createClient({ url: fake.url, key: "k", retries: 0 }) };
}

test.each<[AnyChange, string, string]>([
  [UPDATE, "PATCH", "/v1/subscriptions/sub_1"],
  [{ ...UPDATE, kind: "key", id: "key_1" }, "PATCH", "/v1/keys/key_1"],
  [{ ...UPDATE, kind: "bus", id: "default" }, "PATCH", "/v1/buses/default"],
  [{ ...ON, action: "delete", kind: "subscription", id: "sub_1", version: 7 }, "DELETE", "/v1/subscriptions/sub_1"],
  [{ ...ON, action: "delete", kind: "key", id: "key_1", version: 7 }, "DELETE", "/v1/keys/key_1"],
])("$action of a $kind names the version that was planned on", async (change, method, url) => {
  const { fake, client, secrets } = await world();
  fake.next(method === "DELETE" ? raw(204, {}, "") : json(200, {}));
  await carryOut(client, change, secrets);
  expect(fake.requests).toMatchObject([{ method, url, headers: { "if-match": '"7"' } }]);
});

test("a bus is made only if there is still none", async () => {
  const { fake, client, secrets } = await world();
  fake.next(json(201, {}));
  await carryOut(client, { ...ON, action: "create", kind: "bus", name: "eu", document: {}, members: [] }, secrets);
  expect(fake.requests).toMatchObject([{ method: "PUT", url: "/v1/buses/eu", headers: { "if-none-match": "*" } }]);
});

test("what somebody has changed since is said, and left alone", async () => {
  const { fake, client, secrets } = await world();
  fake.next(problem("version-mismatch", 412));
  const error: unknown = await carryOut(client, UPDATE, secrets).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Failure);
  expect(error).toMatchObject({
    lines: ["subscription billing was changed by somebody since it was planned: plan again"],
    exitCode: 1,
    problem: { status: 412 },
  });
  expect(fake.requests).toHaveLength(1);
});

test("a key that is made is in the file at once, for its owner only; so are all before it", async () => {
  const { fake, client, secrets, file } = await world();
  fake.next(json(201, { id: "key_1", key: "ftk_1" }), json(201, { id: "sub_1", secret: "whsec_1" }));
  await carryOut(client, MADE, secrets);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const first = { bus: "default", kind: "key", name: "billing", id: "key_1", secret: "ftk_1" };
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual([first]);
  await carryOut(client, { ...MADE, kind: "subscription", document: { sink: "https://a.example" } }, secrets);
  const second = { ...first, kind: "subscription", id: "sub_1", secret: "whsec_1" };
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual([first, second]);
  await secrets.close();
});

test("a signing secret that the file gave is not told", async () => {
  const { fake, client, secrets } = await world();
  fake.next(json(201, { id: "sub_1", secret: "whsec_1" }));
  await carryOut(client, { ...MADE, kind: "subscription", document: { secret: "whsec_1" } }, secrets);
  expect(secrets.made).toEqual([]);
});

test("a file of secrets is never written over", async () => {
  const { file } = await world();
  await expect(secretsSink(file, processOutput(true))).rejects.toThrow(/secrets\.json is there already/);
});
