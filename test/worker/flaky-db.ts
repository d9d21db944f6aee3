// A database whose calls can be counted, and made to fail before or after they acted.

export interface FlakyDb {
  readonly db: D1Database;
  /** Every call outward so far: a batch is one. With the statements' first words, for telling them apart. */
  readonly calls: string[][];
  /** Rows written so far. */
  rowsWritten(): number;
  /** Decides over each call: `fail-before` does nothing, `fail-after` acts and loses the answer. */
  fate: (statements: readonly string[]) => "pass" | "fail-before" | "fail-after";
}

const WEATHER = "D1_ERROR: D1 DB is overloaded. Requests queued for too long.";

export function flakyDb(real: D1Database): FlakyDb {
  const calls: string[][] = [];
  let written = 0;
  const flaky: FlakyDb = { db: real, calls, rowsWritten: () => written, fate: () => "pass" };

  async function call<T>(statements: readonly string[], act: () => Promise<T>): Promise<T> {
    calls.push([...statements]);
    const fate = flaky.fate(statements);
    if (fate === "fail-before") throw new Error(WEATHER);
    const value = await act();
    for (const result of Array.isArray(value) ? value : [value]) written += result?.meta?.rows_written ?? 0;
    if (fate === "fail-after") throw new Error(WEATHER);
    return value;
  }

  const sources = new Map<unknown, { sql: string; statement: D1PreparedStatement }>();
  function wrap(sql: string, statement: D1PreparedStatement): D1PreparedStatement {
    const wrapper = new Proxy(statement, {
      get(target, name) {
        if (name === "bind") return (...values: unknown[]) => wrap(sql, target.bind(...values));
        if (name === "all" || name === "run" || name === "first" || name === "raw") {
          const method = Reflect.get(target, name, target) as (...args: unknown[]) => Promise<unknown>;
          return (...args: unknown[]) => call([sql], () => method.apply(target, args));
        }
        return Reflect.get(target, name, target);
      },
    });
    sources.set(wrapper, { sql, statement });
    return wrapper;
  }

  const db = new Proxy(real, {
    get(target, name) {
      if (name === "prepare") return (sql: string) => wrap(sql, target.prepare(sql));
      if (name === "batch") {
        return (wrappers: D1PreparedStatement[]) => {
          const known = wrappers.map((wrapper) => sources.get(wrapper) ?? { sql: "", statement: wrapper });
          return call(
            known.map(({ sql }) => sql),
            () => target.batch(known.map(({ statement }) => statement)),
          );
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return Object.assign(flaky, { db });
}

export const isClaim = (statements: readonly string[]): boolean => statements.some((sql) => sql.includes("INSERT INTO claims"));
export const isSettle = (statements: readonly string[]): boolean => statements.some((sql) => sql.includes("SET state = o.state"));
