/** The local runtime's database as a file, while the router is down: how it is found, and how many rows are put into it at a time. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";

export type Row = Readonly<Record<string, SQLOutputValue>>;

/** Gives the work the database that a router keeps in that directory. The file is named by a hash: it is the one that has deliveries. */
export function onDisk<T>(state: string, work: (database: DatabaseSync) => T): T {
  const folder = join(state, "v3/d1/miniflare-D1DatabaseObject");
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith(".sqlite"))) {
    using database = new DatabaseSync(join(folder, name));
    if (tablesOf(database).includes("deliveries")) return work(database);
  }
  throw new Error(`No database in ${folder} has deliveries`);
}

export const tablesOf = (database: DatabaseSync): string[] =>
  database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all()
    .map(({ name }) => String(name));

/** Puts rows into the table that have the columns of one. */
export function inserter(database: DatabaseSync, table: string, like: Row): (row: Row) => void {
  const columns = Object.keys(like);
  const places = columns.map(() => "?").join(", ");
  const statement = database.prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`);
  return (row) => void statement.run(...columns.map((column) => row[column] ?? null));
}

export function inOneTransaction(database: DatabaseSync, work: () => void): void {
  database.exec("PRAGMA cache_size = -500000; BEGIN");
  work();
  database.exec("COMMIT");
}
