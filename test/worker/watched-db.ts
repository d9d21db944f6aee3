/** A database that counts what its statements read, and can show how each was answered. */

export interface Watched {
  readonly db: D1Database;
  /** Rows read since the last call. */
  rowsRead(): number;
  /** What EXPLAIN QUERY PLAN says of every statement so far. */
  plans(): Promise<string[]>;
}

export function watched(real: D1Database): Watched {
  let read = 0;
  const sources = new Map<D1PreparedStatement, { sql: string; values: unknown[]; statement: D1PreparedStatement }>();

  function wrap(sql: string, values: unknown[], statement: D1PreparedStatement): D1PreparedStatement {
    const wrapper = new Proxy(statement, {
      get(target, name) {
        if (name === "bind") return (...bound: unknown[]) => wrap(sql, bound, target.bind(...bound));
        if (name === "all" || name === "run")
          return async () => {
            const result = await target.all();
            read += result.meta.rows_read;
            return result;
          };
        if (name === "first")
          return async (column?: string) => {
            const { results, meta } = await target.all();
            read += meta.rows_read;
            const [row] = results;
            return row === undefined ? null : column === undefined ? row : row[column];
          };
        return Reflect.get(target, name, target);
      },
    });
    sources.set(wrapper, { sql, values, statement });
    return wrapper;
  }

  const db = new Proxy(real, {
    get(target, name) {
      if (name === "prepare") return (sql: string) => wrap(sql, [], target.prepare(sql));
      if (name === "batch")
        return async (statements: D1PreparedStatement[]) => {
          const results = await target.batch(statements.map((wrapper) => sources.get(wrapper)?.statement ?? wrapper));
          for (const result of results) read += result.meta.rows_read;
          return results;
        };
      return Reflect.get(target, name, target);
    },
  });

  return {
    db,
    rowsRead() {
      const count = read;
      read = 0;
      return count;
    },
    async plans() {
      const plans: string[] = [];
      const count = new Map(
        [...sources.values()].map(({ sql, values }) => [`${sql} ${values.length}`, { sql, values }]),
      );
      for (const { sql, values } of count.values()) {
        if (values.length === 0 && /\?\d/.test(sql)) continue;
        const { results } = await real
          .prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .bind(...values)
          .all<{ detail: string }>();
        plans.push(...results.map(({ detail }) => detail));
      }
      return plans;
    },
  };
}
