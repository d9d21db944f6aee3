import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CostCase } from "../../../bench/cost/costs.ts";
import { KEPT_COSTS } from "../../../bench/cost/kept.ts";
import { scaleMarkdown } from "../../../bench/model/markdown.ts";
import { batchSize, capacities, scaleOf } from "../../../bench/model/model.ts";
import { readWorld } from "../../../bench/model/world.ts";

const WORLD = readWorld();
const { idleSweep } = KEPT_COSTS;
const RATES = Array.from({ length: 60 }, (_, index) => 1.27 ** index);
const CASES = KEPT_COSTS.cases.flatMap((one) => [20, 100, 300].map((sinkMs) => ({ one, sinkMs })));

const caseOf = (level: CostCase["level"], fanOut: number): CostCase => {
  const found = KEPT_COSTS.cases.find((one) => one.level === level && one.fanOut === fanOut && !one.isPaced);
  if (found === undefined) throw new Error("It was not measured");
  return found;
};

it("the figures of wrangler.toml are read", () => {
  expect(WORLD.configuration).toMatchObject({ queues: 2, consumersPerQueue: 60, batchMessages: 25, databases: 1 });
});

describe.each(CASES)("$one.level, fan-out $one.fanOut, sinks of $sinkMs ms", (scenario) => {
  const scales = RATES.map((eventsPerSecond) => scaleOf({ ...scenario, eventsPerSecond }, WORLD, idleSweep));

  it.each(["queues", "databasesByWrites", "databasesByRoom", "storedBytes", "usdPerMonth"] as const)(
    "a higher rate never needs less: %s",
    (member) => {
      const values = scales.map((scale) => scale[member]);
      expect(values).toEqual(values.toSorted((left, right) => left - right));
    },
  );

  it("a higher rate on one queue never makes batches less full", () => {
    const sizes = RATES.map((rate) => batchSize(scenario, rate, WORLD));
    expect(sizes).toEqual(sizes.toSorted((left, right) => left - right));
    expect(sizes[0]).toBe(1);
    expect(sizes.at(-1)).toBe(WORLD.configuration.batchMessages);
  });

  it("slower sinks never need fewer consumers or queues", () => {
    const slower = { ...scenario, sinkMs: scenario.sinkMs * 2 };
    RATES.forEach((eventsPerSecond, index) => {
      const { queues, consumers } = scaleOf({ ...slower, eventsPerSecond }, WORLD, idleSweep);
      expect(queues).toBeGreaterThanOrEqual(scales[index]?.queues ?? Infinity);
      expect(consumers).toBeGreaterThanOrEqual(scales[index]?.consumers ?? Infinity);
    });
  });

  it("no queue has more consumers or messages than the platform gives it", () => {
    RATES.forEach((eventsPerSecond, index) => {
      const { queues = 0, consumers = Infinity } = scales[index] ?? {};
      expect(consumers).toBeLessThanOrEqual(queues * WORLD.limits.queueConsumersMax);
      expect(eventsPerSecond).toBeLessThanOrEqual(queues * WORLD.limits.queueMessagesPerSecond);
    });
  });

  it("what gives out first is exceeded just above its rate, and nothing is below", () => {
    const [first] = capacities(scenario, WORLD);
    if (first === undefined) throw new Error("There are no capacities");
    const at = (eventsPerSecond: number) => scaleOf({ ...scenario, eventsPerSecond }, WORLD, idleSweep).exceeded;
    expect(at(first.eventsPerSecond * 0.99)).toEqual([]);
    expect(at(first.eventsPerSecond * 1.01)[0]?.resource).toBe(first.resource);
  });
});

it("below the limit of a queue one queue suffices, if the sinks are fast", () => {
  const at = (eventsPerSecond: number) =>
    scaleOf({ one: caseOf("failures", 1), sinkMs: 100, eventsPerSecond }, WORLD, idleSweep).queues;
  expect(at(WORLD.limits.queueMessagesPerSecond)).toBe(1);
  expect(at(WORLD.limits.queueMessagesPerSecond + 1)).toBe(2);
});

it("what the plan includes costs nothing more", () => {
  const tiny = { one: caseOf("all", 1), sinkMs: 100, eventsPerSecond: 0.1 };
  expect(scaleOf(tiny, WORLD, idleSweep).usdPerMonth).toBe(5);
});

it("an account has an end", () => {
  const at = (one: CostCase) => scaleOf({ one, sinkMs: 100, eventsPerSecond: 1_000_000 }, WORLD, idleSweep).walls;
  expect(at(caseOf("all", 1))).toEqual(["50000 databases an account", "1 TB an account"]);
  expect(at(caseOf("failures", 1))).toEqual([]);
});

it("docs/scale.md is what the model says of docs/costs.json: npm run bench:model -- --write", () => {
  const squeezed = (text: string): string => text.replaceAll(/ *\| */g, "|").replaceAll(/-{3,}/g, "---");
  const written = readFileSync(join(import.meta.dirname, "../../../docs/scale.md"), "utf8");
  expect(squeezed(written)).toBe(squeezed(scaleMarkdown(KEPT_COSTS, WORLD)));
});
