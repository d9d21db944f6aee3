/** All SQL of buses. A bus is made and never removed; its row also counts its subscriptions and keys (their files keep that). */
import { BUSES_MAX } from "../core/limits.ts";
import type { Bus, BusStore } from "../ports.ts";
import { NEXT_VERSION, THIS_VERSION } from "./changes.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

interface BusRow {
  readonly bus: string;
  readonly version: number;
  readonly created_ms: number;
  readonly updated_ms: number;
  /** 1: this batch made it. */
  readonly created: number;
}

function toDomain(row: BusRow): Bus {
  return { bus: row.bus, createdMs: row.created_ms, updatedMs: row.updated_ms, version: row.version };
}

/** Counts all buses along the smallest index, buses_version: at most BUSES_MAX entries, and buses are seldom made. */
const INSERT = `
  INSERT INTO buses (bus, version, created_ms, updated_ms)
  SELECT ?1, ${THIS_VERSION}, ?2, ?2 WHERE (SELECT count(*) FROM buses) < ?3
  ON CONFLICT DO NOTHING`;

/** Primary key. */
const READ = `
  SELECT bus, version, created_ms, updated_ms, version = ${THIS_VERSION} AS created FROM buses WHERE bus = ?1`;

/** The store over D1. @throws Unavailable */
export function d1Buses({ db }: { readonly db: D1Database }): BusStore {
  return {
    async put(bus, now) {
      const [, , stored] = await weather(() =>
        db.batch([db.prepare(NEXT_VERSION), db.prepare(INSERT).bind(bus, now, BUSES_MAX), db.prepare(READ).bind(bus)]),
      );
      const [row] = rowsOf<BusRow>(stored);
      return row === undefined ? "limit-reached" : { bus: toDomain(row), created: row.created === 1 };
    },
  };
}
