/** What a run of the meter has found: counts and no prices, so that the same run can be billed anew when prices change. Plain data. */

export type LogLevel = "all" | "failures";

/** Of each thing that is billed, so much for one event. */
export interface Billed {
  /** Invocations of the Worker. */
  readonly requests: number;
  /** Milliseconds of all of workerd: the simulators of database and queues are in them, so the Worker's own are fewer. */
  readonly cpuMs: number;
  readonly queueOperations: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  /** Calls of Durable Objects; the rows that these write are in `rowsWritten`. */
  readonly limiterRequests: number;
}

export interface CostCase {
  readonly level: LogLevel;
  /** Subscriptions that take each event. */
  readonly fanOut: number;
  /** Whether each subscription has a rate, which a Durable Object keeps. */
  readonly isPaced: boolean;
  readonly events: number;
  /** Publishes a second, one event each. */
  readonly perSecond: number;
  /** Mean of the queue batches of the run: what is billed by the batch is shared by so many. */
  readonly messagesPerBatch: number;
  /** From publish to settled. */
  readonly life: Billed;
  /** What removing it at the end of the retention takes; null where nothing is on record. */
  readonly end: Billed | null;
  readonly logLines: number;
  readonly logBytes: number;
  /** Round trips to D1 for each batch. */
  readonly d1CallsPerBatch: number;
  /** What the database says its statements took, for each event: of SQLite on this machine, which waits for no other place. */
  readonly sqlMs: number;
  /** By which the database grew for each event. */
  readonly databaseBytes: number;
}

export interface Costs {
  /** RFC 3339. */
  readonly measuredAt: string;
  /** Shortened: its figures are for a look only. */
  readonly quick: boolean;
  readonly machine: string;
  /** Of a published event, bytes. */
  readonly eventBytes: number;
  readonly sinkLatencyMs: number;
  /** Types of events, in turn, each with subscriptions of its own. */
  readonly kinds: number;
  readonly cases: readonly CostCase[];
  /** One sweep that finds nothing to do. */
  readonly idleSweep: Billed;
}
