// A database whose calls can be counted and looked at, and made to fail before or after they acted.

/** One statement as it was sent, and what it cost. */
export interface Executed {
  readonly sql: string;
  readonly values: readonly unknown[];
  readonly rowsRead: number;
}

type Fate = "pass" | "fail-before" | "fail-after";

export interface FlakyDb {
  readonly db: D1Database;
  /** Every call outward so far: a batch is one. With the statements' first words, for telling them apart. */
  readonly calls: string[][];
  /** Every statement that was answered so far; those that `first` and `raw` sent do not say what they read. */
  readonly executed: Executed[];
  /** Rows written so far. */
  rowsWritten(): number;
  /** Decides over each call: `fail-before` does nothing, `fail-after` acts and loses the answer. A call waits for a promised fate. */
  fate: (statements: readonly string[]) => Fate | Promise<Fate>;
}

type Sent = Pick<Executed, "sql" | "values">;

const WEATHER = "D1_ERROR: D1 DB is overloaded. Requests queued for too long.";

export function flakyDb(real: D1Database): FlakyDb {
  const calls: string[][] = [];
  const executed: Executed[] = [];
  let written = 0;
  const flaky: FlakyDb = { db: real, calls, executed, rowsWritten: () => written, fate: () => "pass" };

  async function call<T>(sent: readonly Sent[], act: () => Promise<T>): Promise<T> {
    const statements = sent.map(({ sql }) => sql);
    calls.push(statements);
    const fate = await flaky.fate(statements);
    if (fate === "fail-before") throw new Error(WEATHER);
    const value = await act();
    const results = Array.isArray(value) ? value : [value];
    sent.forEach(({ sql, values }, index) => {
      written += results[index]?.meta?.rows_written ?? 0;
      executed.push({ sql, values, rowsRead: results[index]?.meta?.rows_read ?? 0 });
    });
    if (fate === "fail-after") throw new Error(WEATHER);
    return value;
  }

  const sources = new WeakMap<D1PreparedStatement, Sent & { statement: D1PreparedStatement }>();
  function wrap(sql: string, statement: D1PreparedStatement, values: readonly unknown[] = []): D1PreparedStatement {
    const wrapper = new Proxy(statement, {
      get(target, name) {
        if (name === "bind") return (...bound: unknown[]) => wrap(sql, target.bind(...bound), bound);
        if (name === "all" || name === "run" || name === "first" || name === "raw") {
          const method = Reflect.get(target, name, target) as (...args: unknown[]) => Promise<unknown>;
          return (...args: unknown[]) => call([{ sql, values }], () => method.apply(target, args));
        }
        return Reflect.get(target, name, target);
      },
    });
    sources.set(wrapper, { sql, values, statement });
    return wrapper;
  }

  const db = new Proxy(real, {
    get(target, name) {
      if (name === "prepare") return (sql: string) => wrap(sql, target.prepare(sql));
      if (name === "batch") {
        return (wrappers: D1PreparedStatement[]) => {
          const known = wrappers.map((wrapper) => sources.get(wrapper) ?? { sql: "", values: [], statement: wrapper });
          return call(known, () => target.batch(known.map(({ statement }) => statement)));
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return Object.assign(flaky, { db });
}

export const isClaim = (statements: readonly string[]): boolean =>
  statements.some((sql) => sql.includes("INSERT INTO claims"));
export const isSettle = (statements: readonly string[]): boolean =>
  statements.some((sql) => sql.includes("SET state = o.state"));
