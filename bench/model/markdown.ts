/** The model's answers as Markdown: docs/scale.md. */
import { type Cell, table } from "../cost/table.ts";
import type { CostCase, Costs } from "../cost/costs.ts";
import { capacities, scaleOf, type Scenario, type World } from "./model.ts";
import { LIMITS } from "./world.ts";

const RATES = [1, 1_000, 100_000, 1_000_000];
const FAN_OUTS = [1, 3];
const SINKS_MS = [100, 300];

const whole = (value: number): string => Math.round(value).toLocaleString("en");
/** Two digits that count. */
const about = (value: number): string =>
  value === Infinity ? "none needed" : Number(value.toPrecision(2)).toLocaleString("en");
const usd = (value: number): string => (value < 100 ? value.toFixed(2) : whole(value));

function bytesText(bytes: number): string {
  if (bytes === 0) return "0";
  const [size, unit] = bytes < 1e12 ? [1e9, "GB"] : bytes < 1e15 ? [1e12, "TB"] : [1e15, "PB"];
  return `${about(bytes / size)} ${unit}`;
}

function casesOf({ cases }: Costs): readonly CostCase[] {
  return cases.filter(({ fanOut, isPaced }) => !isPaced && FAN_OUTS.includes(fanOut));
}

const levelText = ({ level, fanOut }: CostCase): string => `\`${level}\`, fan-out ${fanOut}`;

function todayTable(costs: Costs, world: World): string {
  const rows = casesOf(costs).flatMap((one) =>
    SINKS_MS.map((sinkMs): Cell[] => {
      const all = capacities({ one, sinkMs }, world);
      const [first] = all;
      const at = (resource: string): string =>
        about(all.find((capacity) => capacity.resource === resource)?.eventsPerSecond ?? 0);
      return [
        levelText(one),
        `${sinkMs} ms`,
        at("messages into the queues"),
        at("consumers"),
        at("the database's writer"),
        at("room in the database"),
        `**${first?.resource ?? ""}**`,
      ];
    }),
  );
  return table([
    [
      "",
      "sinks (A)",
      "into the queues (P, C)",
      "consumers (C, A)",
      "writer (M, A)",
      "room (M, P, C)",
      "gives out first",
    ],
    ...rows,
  ]);
}

function scaleTable(one: CostCase, costs: Costs, world: World): string {
  const rows = SINKS_MS.flatMap((sinkMs) =>
    RATES.map((eventsPerSecond): Cell[] => {
      const scenario: Scenario = { one, sinkMs, eventsPerSecond };
      const scale = scaleOf(scenario, world, costs.idleSweep);
      const [worst] = scale.exceeded;
      return [
        whole(eventsPerSecond),
        `${sinkMs} ms`,
        scale.batch,
        whole(scale.queues),
        whole(scale.consumers),
        whole(scale.databasesByWrites),
        whole(scale.databasesByRoom),
        bytesText(scale.storedBytes),
        usd(scale.usdPerMonth),
        usd(scale.usdPerMillion),
        worst === undefined ? "nothing" : `${worst.resource}, at ${about(worst.eventsPerSecond)}`,
        scale.walls.join(", ") || "none",
      ];
    }),
  );
  return table([
    [
      "events a second",
      "sinks (A)",
      "messages a batch (A)",
      "queues (P)",
      "consumers at a time (P, A)",
      "databases by writes (M, A)",
      "databases by room (M, P, C)",
      "stored (M, C)",
      "US$ a month (M, P)",
      "US$ a million (M, P)",
      "first bottleneck of today's configuration",
      "walls of an account (P)",
    ],
    ...rows,
  ]);
}

function inputTable(costs: Costs, world: World): string {
  const { configuration } = world;
  const platform = Object.values(LIMITS.platform).map(({ what, value, source, date }): Cell[] => [
    "P",
    what,
    whole(value),
    `${source}, ${date}`,
  ]);
  const assumed = Object.values(LIMITS.assumed).map(({ what, value }): Cell[] => ["A", what, value, ""]);
  const configured: Cell[][] = [
    ["C", "queues of lane `fast`", configuration.queues, "`wrangler.toml`"],
    ["C", "consumers of each at a time", configuration.consumersPerQueue, "`wrangler.toml`"],
    ["C", "messages of a full batch", configuration.batchMessages, "`wrangler.toml`"],
    ["C", "databases", configuration.databases, "`wrangler.toml`"],
    [
      "C",
      "bytes of a database",
      whole(configuration.databaseBytes),
      "`wrangler.toml`, what the platform allows at most",
    ],
    ["C", "days of retention", configuration.retentionSeconds / 86_400, "`wrangler.toml`"],
    ["C", "of the database that may be used", configuration.usableFraction, "`src/core/limits.ts`"],
    ["C", "requests that an invocation has open", configuration.pushes, "`src/core/limits.ts`"],
    ["C", "deliveries of one message", configuration.parcelDeliveries, "`src/core/limits.ts`"],
  ];
  const measured = casesOf(costs).flatMap((one): Cell[][] => [
    ["M", `bytes of database for an event, ${levelText(one)}`, whole(one.databaseBytes), "`docs/costs.json`"],
    ["M", `calls to the database of a batch, ${levelText(one)}`, one.d1CallsPerBatch.toFixed(2), "`docs/costs.json`"],
    ["M", `ms of SQL for an event, ${levelText(one)}`, one.sqlMs.toFixed(3), "`docs/costs.json`"],
  ]);
  return table([["", "what", "figure", "from"], ...measured, ...platform, ...configured, ...assumed]);
}

export function scaleMarkdown(costs: Costs, world: World): string {
  return `# Scale

**Nothing here was measured in production.** It is arithmetic: what an event of ${whole(costs.eventBytes)} bytes takes, as the local runtime counted it, times a
rate, against the limits that the platform's pages state and some assumptions. It says where to look first, and not that it holds. Written by
\`npm run bench:model -- --write\`.

Each figure is made of what its mark says: **M** measured here, in the local runtime (\`npm run bench:cost\`, ${costs.machine}), **P** taken from the
platform's pages under \`developers.cloudflare.com\`, **C** configured, **A** assumed. All first attempts succeed.

## What today's configuration takes

Events a second at most, by each part of it: ${world.configuration.queues} queues, ${world.configuration.consumersPerQueue} consumers each, ${world.configuration.databases} database. Over the room the router does not stop: it removes the oldest
events ahead of their retention, and then records failures only ([storage.md](storage.md#the-size-guard)).

${todayTable(costs, world)}

## What a rate needs

With as many queues and databases as it takes. **The router has one database as it is**: more of them are meant, and not built, so the columns of
databases say what sharding the log by event would have to bring.

${casesOf(costs)
  .map((one) => `### Log level ${levelText(one)}\n\n${scaleTable(one, costs, world)}`)
  .join("\n\n")}

- **A month** has what the plan includes taken off, and the plan, storage and sweeps in it; **a million** is at list prices with storage. Log lines are
  in neither ([architecture.md](architecture.md#back-of-envelope)).
- **Storage** is billed as long as an event is on record, and databases are never fuller than ${world.configuration.usableFraction * 100} %.

## What the model reckons with

${inputTable(costs, world)}

## How it reckons

- A batch takes its calls to the database and then rounds of as many pushes as an invocation has open. Its deliveries are to many sinks, so that none waits
  for its turn.
- A queue has one consumer whose batches grow until they are full; only then there are more. The platform begins more consumers as it sees fit: then
  batches are smaller, and calls to the database more.
- A database is busy with a batch for an assumed time a call, and for the SQL as SQLite took it here, without a network or copies elsewhere. By that time
  alone the writer's figures may be off by several times.

Not in it: retries and sinks that fail, lists and changes of subscriptions, the sweep's deletions as load on the writer (a batch for up to 500 events;
what they cost is in it), how long consumers take to begin, how many isolates there are, each of
which asks the database for changes every few seconds, and what the platform does near its limits.
`;
}
