/**
 * How far the design goes: what a rate of events needs of queues, consumers and databases, and what gives out first. Pure arithmetic from
 * counts of a run, limits and assumptions; nothing here is measured.
 */
import { SETTLES_KEPT_MS } from "../../src/core/limits.ts";
import { atBatches, billOf, PRICES } from "../cost/bill.ts";
import type { Billed, CostCase } from "../cost/costs.ts";

export interface Scenario {
  readonly eventsPerSecond: number;
  /** How long a sink takes to answer. */
  readonly sinkMs: number;
  /** What an event of this log level and fan-out takes, counted. */
  readonly one: CostCase;
}

export interface Limits {
  readonly queueMessagesPerSecond: number;
  readonly queueConsumersMax: number;
  readonly queuesPerAccount: number;
  readonly databasesPerAccount: number;
  readonly storageBytesPerAccount: number;
}

export interface Assumptions {
  readonly writeMs: number;
  readonly readMs: number;
  readonly callMs: number;
}

/** Of the deployment. */
export interface Configuration {
  /** Of lane `fast`. */
  readonly queues: number;
  readonly consumersPerQueue: number;
  readonly batchMessages: number;
  readonly databases: number;
  readonly databaseBytes: number;
  /** Of the database that may be used before the oldest events go ahead of their retention. */
  readonly usableFraction: number;
  readonly retentionSeconds: number;
  /** Requests that an invocation has open at a time. */
  readonly pushes: number;
  /** Deliveries of one message. */
  readonly parcelDeliveries: number;
}

export interface World {
  readonly limits: Limits;
  readonly assumed: Assumptions;
  readonly configuration: Configuration;
}

const MONTH_SECONDS = 30 * 86_400;
const SWEEPS_A_MONTH = 43_200;

const messagesPerEvent = ({ fanOut }: CostCase, { parcelDeliveries }: Configuration): number =>
  Math.max(1, Math.ceil(fanOut / parcelDeliveries));

/** How long a batch takes: its calls to the database, then rounds of pushes. All to sinks that are equally slow, none of which has more than its turn. */
function batchMs({ one, sinkMs }: Omit<Scenario, "eventsPerSecond">, messages: number, world: World): number {
  const { pushes, parcelDeliveries } = world.configuration;
  const deliveries = messages * Math.min(one.fanOut, parcelDeliveries);
  return one.d1CallsPerBatch * world.assumed.callMs + Math.ceil(deliveries / pushes) * sinkMs;
}

/** How long one database is busy with an event that comes in batches of so many messages. */
function databaseMs(one: CostCase, messages: number, world: World): number {
  const callMs = one.level === "all" ? world.assumed.writeMs : world.assumed.readMs;
  return (one.d1CallsPerBatch * callMs * messagesPerEvent(one, world.configuration)) / messages + one.sqlMs;
}

/** Messages that one consumer works off a second, in batches of so many. */
const consumerRate = (scenario: Omit<Scenario, "eventsPerSecond">, messages: number, world: World): number =>
  (messages * 1_000) / batchMs(scenario, messages, world);

/**
 * How full batches get on a queue that so many messages a second come to: one consumer, whose batches grow with what has come meanwhile, until they are
 * full. Only then do more consumers begin. Whoever begins them sooner has smaller batches, and more of them.
 */
export function batchSize(scenario: Omit<Scenario, "eventsPerSecond">, perSecond: number, world: World): number {
  const { batchMessages } = world.configuration;
  for (let messages = 1; messages < batchMessages; messages += 1)
    if (consumerRate(scenario, messages, world) >= perSecond) return messages;
  return batchMessages;
}

export interface Capacity {
  readonly resource: "messages into the queues" | "consumers" | "the database's writer" | "room in the database";
  /** Events a second; Infinity where none is needed. */
  readonly eventsPerSecond: number;
}

/** Where failures alone are recorded, what is left is what is counted from, and is kept for an hour. */
const keptSecondsOf = ({ level }: CostCase, { retentionSeconds }: Configuration): number =>
  level === "all" ? retentionSeconds : SETTLES_KEPT_MS / 1_000;

const bytesPerSecondAt = (one: CostCase, configuration: Configuration): number =>
  (configuration.databaseBytes * configuration.usableFraction) / keptSecondsOf(one, configuration);

/** What each part of a deployment takes, the one that gives out first in front. */
export function capacities(scenario: Omit<Scenario, "eventsPerSecond">, world: World): readonly Capacity[] {
  const { one } = scenario;
  const { queues, consumersPerQueue, batchMessages, databases } = world.configuration;
  const messages = messagesPerEvent(one, world.configuration);
  const working = queues * consumersPerQueue * consumerRate(scenario, batchMessages, world);
  const all: Capacity[] = [
    {
      resource: "messages into the queues",
      eventsPerSecond: (queues * world.limits.queueMessagesPerSecond) / messages,
    },
    { resource: "consumers", eventsPerSecond: working / messages },
    { resource: "the database's writer", eventsPerSecond: (databases * 1_000) / databaseMs(one, batchMessages, world) },
    {
      resource: "room in the database",
      eventsPerSecond:
        one.databaseBytes === 0
          ? Infinity
          : (databases * bytesPerSecondAt(one, world.configuration)) / one.databaseBytes,
    },
  ];
  return all.toSorted((left, right) => left.eventsPerSecond - right.eventsPerSecond);
}

export interface Scale {
  /** Messages. */
  readonly batch: number;
  readonly queues: number;
  readonly consumers: number;
  readonly databasesByWrites: number;
  /** For the whole retention. */
  readonly databasesByRoom: number;
  readonly storedBytes: number;
  /** US$, log lines left out: what the plan includes is taken off, storage and plan are in it. */
  readonly usdPerMonth: number;
  /** US$ for a million events at list prices, storage included. */
  readonly usdPerMillion: number;
  /** Of the deployment as it is configured, what the rate is too much for, the worst first. */
  readonly exceeded: readonly Capacity[];
  /** What no configuration of an account has, unless the platform raises it. */
  readonly walls: readonly string[];
}

export function scaleOf(scenario: Scenario, world: World, idleSweep: Billed): Scale {
  const { eventsPerSecond, one } = scenario;
  const { limits, configuration } = world;
  const messages = eventsPerSecond * messagesPerEvent(one, configuration);
  const perConsumer = consumerRate(scenario, configuration.batchMessages, world);
  const queues = Math.max(
    1,
    Math.ceil(messages / limits.queueMessagesPerSecond),
    Math.ceil(messages / (limits.queueConsumersMax * perConsumer)),
  );
  const batch = batchSize(scenario, messages / queues, world);
  const consumers = Math.max(queues, Math.ceil(messages / consumerRate(scenario, batch, world)));
  const storedBytes = eventsPerSecond * one.databaseBytes * keptSecondsOf(one, configuration);
  const room = configuration.databaseBytes * configuration.usableFraction;
  const databasesByWrites = Math.max(1, Math.ceil((eventsPerSecond * databaseMs(one, batch, world)) / 1_000));
  const databasesByRoom = Math.max(1, Math.ceil(storedBytes / room));
  const billed = atBatches(one, batch);
  const monthly = eventsPerSecond * MONTH_SECONDS;
  const storage = (storedBytes / 1e9) * PRICES.storedGbMonth.usd;
  return {
    batch,
    queues,
    consumers,
    databasesByWrites,
    databasesByRoom,
    storedBytes,
    usdPerMonth: monthOf(billed, { monthly, storedBytes, idleSweep }),
    usdPerMillion: billOf(billed).total + (storage * 1e6) / monthly,
    exceeded: capacities(scenario, world).filter((capacity) => capacity.eventsPerSecond < eventsPerSecond),
    walls: [
      ...(queues > limits.queuesPerAccount ? [`${limits.queuesPerAccount} queues an account`] : []),
      ...(Math.max(databasesByRoom, databasesByWrites) > limits.databasesPerAccount
        ? [`${limits.databasesPerAccount} databases an account`]
        : []),
      ...(storedBytes > limits.storageBytesPerAccount ? [`${limits.storageBytesPerAccount / 1e12} TB an account`] : []),
    ],
  };
}

/** Each kind beyond what the plan has of it. */
function monthOf(
  billed: Billed,
  {
    monthly,
    storedBytes,
    idleSweep,
  }: { readonly monthly: number; readonly storedBytes: number; readonly idleSweep: Billed },
): number {
  const amount = (kind: keyof Billed): number => billed[kind] * monthly + idleSweep[kind] * SWEEPS_A_MONTH;
  const priced: readonly (readonly [number, { readonly usd: number; readonly included: number }])[] = [
    [amount("requests"), PRICES.request],
    [amount("cpuMs"), PRICES.cpuMs],
    [amount("queueOperations"), PRICES.queueOperation],
    [amount("rowsRead"), PRICES.rowRead],
    [amount("rowsWritten"), PRICES.rowWritten],
    [amount("limiterRequests"), PRICES.limiterRequest],
  ];
  const used = priced.reduce(
    (total, [count, { usd, included }]) => total + (Math.max(0, count - included) / 1e6) * usd,
    0,
  );
  const stored = Math.max(0, storedBytes / 1e9 - PRICES.storedGbMonth.included) * PRICES.storedGbMonth.usd;
  return PRICES.planMonth.usd + used + stored;
}
