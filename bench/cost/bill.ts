/** From counts to money. Pure: the counts come from a run of the meter, the prices from `prices.json`. */
import type { Billed, CostCase } from "./costs.ts";
import prices from "./prices.json" with { type: "json" };

const { platform, rivals } = prices;

/** US$ for a million events, by kind. */
export interface Bill {
  readonly requests: number;
  readonly cpu: number;
  readonly queueOperations: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly limiters: number;
  /** Of all these. */
  readonly total: number;
}

/** What `wrangler.toml` lets a batch of lane `fast` have. */
export const FULL_BATCH_MESSAGES = 25;
/** Rows that a batch writes for itself at the log level `all`: its claim, and the end of it. test/worker/budget.test.ts. */
const CLAIM_ROWS = 2;

/** Prices are for a million of each, so that counts for one event are US$ for a million events. */
export function billOf(billed: Billed): Bill {
  const requests = billed.requests * platform.request.usd;
  const cpu = billed.cpuMs * platform.cpuMs.usd;
  const queueOperations = billed.queueOperations * platform.queueOperation.usd;
  const rowsRead = billed.rowsRead * platform.rowRead.usd;
  const rowsWritten = billed.rowsWritten * platform.rowWritten.usd;
  const limiters = billed.limiterRequests * platform.limiterRequest.usd;
  const total = requests + cpu + queueOperations + rowsRead + rowsWritten + limiters;
  return { requests, cpu, queueOperations, rowsRead, rowsWritten, limiters, total };
}

const NOTHING: Billed = {
  requests: 0,
  cpuMs: 0,
  queueOperations: 0,
  rowsRead: 0,
  rowsWritten: 0,
  limiterRequests: 0,
};

function sum(one: Billed, other: Billed): Billed {
  return {
    requests: one.requests + other.requests,
    cpuMs: one.cpuMs + other.cpuMs,
    queueOperations: one.queueOperations + other.queueOperations,
    rowsRead: one.rowsRead + other.rowsRead,
    rowsWritten: one.rowsWritten + other.rowsWritten,
    limiterRequests: one.limiterRequests + other.limiterRequests,
  };
}

/** An event from its publish to its removal, as it was measured. */
export const wholeLife = ({ life, end }: CostCase): Billed => sum(life, end ?? NOTHING);

/**
 * The same if batches had had so many messages. Only what is known to be billed by the batch moves: its invocation and the rows of its claim.
 * That a batch also saves CPU is left out.
 */
export function atBatches(one: CostCase, messages: number): Billed {
  const share = 1 / messages - 1 / one.messagesPerBatch;
  const rows = one.level === "all" ? CLAIM_ROWS : 0;
  const life = wholeLife(one);
  return { ...life, requests: life.requests + share, rowsWritten: life.rowsWritten + rows * share };
}

/** The lines of such an event, US$ for a million events: one for its publish, one for its batch. */
export const logLinesAt = ({ logLines, messagesPerBatch }: CostCase, messages: number): number =>
  (logLines + 1 / messages - 1 / messagesPerBatch) * platform.logLine.usd;

/** What a million events are to cost at most in all, by log level and fan-out, US$. */
const AIMS = {
  all: new Map([
    [1, 8],
    [3, 14],
    [10, 36],
  ]),
  failures: new Map([
    [1, 1.75],
    [3, 1.8],
    [10, 2.2],
  ]),
} as const;

/** Null: nothing is aimed at. */
export const aimOf = ({ level, fanOut, isPaced }: CostCase): number | null =>
  isPaced ? null : (AIMS[level].get(fanOut) ?? null);

export interface Rival {
  readonly name: string;
  readonly notIn: string;
  readonly source: string;
  /** US$ for a million events; null: not known. */
  at(fanOut: number): number | null;
}

export const RIVALS: readonly Rival[] = rivals.map(
  ({ name, notIn, source, perMillionEvents, perMillionDeliveries }) => ({
    name,
    notIn,
    source,
    at: (fanOut) => (perMillionEvents === null ? null : perMillionEvents + fanOut * perMillionDeliveries),
  }),
);

export { platform as PRICES };
export const PRICES_AS_OF = prices.asOf;
