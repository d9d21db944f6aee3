/** What the metered router has counted since its last reset: plain numbers, in the units that the platform bills in. */
export interface Counts {
  /** Invocations. */
  readonly requests: { readonly http: number; readonly queue: number; readonly cron: number };
  readonly queues: {
    /** Operations: one for each started 64,000 bytes of a message that is sent, handed out, or done with. */
    readonly writes: number;
    readonly reads: number;
    readonly deletes: number;
    /** Messages: what was sent and is not acknowledged is on its way. */
    readonly sent: number;
    readonly handedOut: number;
    readonly acknowledged: number;
  };
  readonly d1: {
    /** Round trips, a `batch()` being one. */
    readonly calls: number;
    readonly statements: number;
    readonly rowsRead: number;
    readonly rowsWritten: number;
    /** Whole milliseconds that the database says its statements took. */
    readonly sqlMs: number;
    /** Size of the database after the last statement, bytes; 0 before the first. */
    readonly bytes: number;
  };
  /** Calls of the Durable Objects, and the rows that these wrote. */
  readonly limiters: { readonly requests: number; readonly rowsWritten: number };
  /** Lines that the Worker wrote, and their UTF-8 bytes. */
  readonly logs: { readonly lines: number; readonly bytes: number };
}
