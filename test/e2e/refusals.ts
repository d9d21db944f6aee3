// What every refusal has in common: a problem that names where and which limit, and nothing left behind.
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { PROBLEM_BASE, PROBLEMS, type ProblemSlug } from "../../src/core/problem.ts";
import type { Asked } from "../http.ts";
import { newBus } from "./edge.ts";

export interface Expected {
  readonly slug: ProblemSlug;
  /** Of the one fault; null when the problem lists none. */
  readonly pointer: string | null;
  /** What the fault's detail says, or the problem's own. */
  readonly says: string | number;
}

export const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "known" };
export const BATCH = { "content-type": "application/cloudevents-batch+json" };

/** A bus with one of everything: a key, a subscription, an event of the type `known`, its delivery. */
export async function createScene() {
  const bus = await newBus();
  const { id } = await bus.subscribe({ types: ["known"] });
  await bus.ask("POST", "/v1/keys", { json: { scopes: ["read"] } });
  await bus.publish({ type: "known" });
  await bus.settled(1);
  const tables = await env.DB.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'",
  ).all<{ name: string }>();
  const columns = tables.results.map(({ name }) => `(SELECT count(*) FROM ${name}) AS ${name}`);
  // A row that changes takes the newest version.
  for (const name of ["buses", "subscriptions", "keys"])
    columns.push(`(SELECT max(version) FROM ${name}) AS ${name}_at`);
  const rows = () => env.DB.prepare(`SELECT ${columns.join(", ")}`).first<Record<string, number>>();

  return {
    bus,
    /** `:sub` in a path stands for the subscription. */
    async expectRefused(method: string, path: string, asked: Asked & Expected): Promise<void> {
      const { slug, pointer, says, ...request } = asked;
      const before = await rows();
      const answer = await bus.ask(method, path.replace(":sub", id), request);
      expect(answer.json, answer.text).toMatchObject({ type: PROBLEM_BASE + slug, ...PROBLEMS[slug] });
      expect(answer.status).toBe(PROBLEMS[slug].status);
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
      expect(answer.json.instance).toBe(answer.headers.get("x-request-id"));
      expect(answer.json.detail).not.toMatch(/\.$/);
      if (pointer === null) {
        expect(answer.json).not.toHaveProperty("errors");
        expect(answer.json.detail).toContain(String(says));
      } else expect(answer.json.errors).toEqual([{ pointer, detail: expect.stringContaining(String(says)) }]);
      expect(await rows()).toEqual(before);
    },
    /** Messages of a queue come in order, and so many ids fall on all of them. */
    async expectEmptyQueues(eventsOnRecord: number): Promise<void> {
      const events = Array.from({ length: 16 }, (_, index) => ({ ...EVENT, id: `last-${index}`, type: "last" }));
      expect((await bus.ask("POST", "/v1/events", { json: events, headers: BATCH })).status).toBe(202);
      await bus.settled(eventsOnRecord + events.length);
      expect((await rows())?.["events"]).toBe(eventsOnRecord + events.length);
    },
  };
}

export type Scene = Awaited<ReturnType<typeof createScene>>;
