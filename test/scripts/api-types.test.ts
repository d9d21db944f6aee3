import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { apiTypes } from "../../scripts/api-types.ts";
import type { Delivery, Event, KeyCreate, Operations, SubscriptionCreate } from "../../src/client/api.ts";

it("src/client/api.ts is what the contract says", () => {
  const { status, stderr } = spawnSync("node", ["scripts/api-types.ts", "--check"], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
});

it("its types take what the API takes", () => {
  const event: Event = { specversion: "1.0", id: "1", source: "/", type: "t", data: 1, region: "eu" };
  const subscription: SubscriptionCreate = {
    sink: "https://a.example.com/",
    filters: [{ not: { exact: { a: "b" } } }],
  };
  const key: KeyCreate = { scopes: ["publish"], types: ["order.*"], expires_at: "2026-12-31T00:00:00Z" };
  const cause = ({ cause: why }: Delivery): string | null => why;
  const answer: Operations["deleteSubscription"]["answer"] = null;
  // @ts-expect-error There is no such scope.
  const typo: KeyCreate = { scopes: ["write"] };
  expect([event, subscription, key, cause, answer, typo]).toHaveLength(6);
});

const typesOf = (schema: object): string =>
  apiTypes({ paths: {}, components: { schemas: { Thing: schema } } }).replaceAll(/\s+/g, " ");

it.each([
  [{ type: "string" }, "export type Thing = string;"],
  [{ type: ["integer", "null"] }, "export type Thing = number | null;"],
  [{ anyOf: [{ $ref: "#/components/schemas/Other" }, { type: "null" }] }, "export type Thing = Other | null;"],
  [{ oneOf: [{ const: 1 }, { enum: ["a", 1] }] }, 'export type Thing = 1 | "a";'],
  [{ type: "array", items: { type: "boolean" } }, "export type Thing = readonly (boolean)[];"],
  [
    { type: "object", additionalProperties: { type: "string" } },
    "export type Thing = Readonly<Record<string, string>>;",
  ],
  [{}, "export type Thing = unknown;"],
  [
    { type: "object", description: "A */.", properties: { a: { type: "string" }, "b-c": {} }, required: ["a"] },
    '/** A *\\/. */ export interface Thing { readonly a: string; readonly "b-c"?: unknown; }',
  ],
  [
    { type: "object", properties: { a: { const: 1 } }, additionalProperties: {} },
    "export interface Thing { readonly a?: 1; readonly [name: string]: unknown; }",
  ],
])("%j is written as a type", (schema, expected) => {
  expect(typesOf(schema)).toContain(expected);
});

it("what it does not know it refuses", () => {
  expect(() => typesOf({ type: "date" })).toThrow("There is no type for date");
});
