import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { timeOrderedId } from "../../src/core/ids.ts";
import { AUDIT_KEPT_MS, LIST_ROWS_READ_MAX, LIST_SCAN_ROWS_MAX } from "../../src/core/limits.ts";
import { audited, d1Audit } from "../../src/d1/audit.ts";
import type { AuditNote } from "../../src/ports.ts";
import { noteFor } from "../fake-stores.ts";
import { watched } from "./watched-db.ts";

const db = env.DB;
const store = d1Audit({ db });
const NOW = 1_800_000_000_000;
const ALL = { limit: 200, before: null };

const noteAt = (atMs: number, changes: Partial<AuditNote> = {}): AuditNote => {
  const id = `aud_${timeOrderedId(atMs, crypto.getRandomValues(new Uint8Array(10)))}`;
  return noteFor("key.created", { id, atMs, ...changes });
};
const write = (bus: string, target: string, note: AuditNote) =>
  audited(db, note, { bus, target, made: { sql: "?1 <> ?2" } }).run();
const run = (sql: string) => db.prepare(sql).run();

describe("audited()", () => {
  test("writes every column, and nothing when the change was not made", async () => {
    const note = noteAt(NOW, { actor: "key_1", requestId: null, before: "{}", after: '{"a":1}' });
    await write("columns", "key_2", note);
    expect((await store.list("columns", {}, ALL)).rows).toEqual([{ ...note, bus: "columns", target: "key_2" }]);
    await write("same", "same", noteAt(NOW));
    await audited(db, noteAt(NOW), { bus: "same", target: "key_2", made: "key" }).run();
    expect((await store.list("same", {}, ALL)).rows).toEqual([]);
  });
});

describe("list()", () => {
  test("filters by target, actor, action and time, at its limits", async () => {
    const bus = "filtered";
    for (const [index, actor] of ["root", "key_1", "system"].entries())
      await write(
        bus,
        `t${index}`,
        noteAt(NOW + index, { actor, action: index === 2 ? "key.revoked" : "key.created" }),
      );
    const targets = async (filters: Parameters<typeof store.list>[1]) =>
      (await store.list(bus, filters, ALL)).rows.map(({ target }) => target);
    expect(await targets({})).toEqual(["t2", "t1", "t0"]);
    expect(await targets({ target: "t1" })).toEqual(["t1"]);
    expect(await targets({ actor: "system" })).toEqual(["t2"]);
    expect(await targets({ action: "key.created" })).toEqual(["t1", "t0"]);
    expect(await targets({ action: "key.created", actor: "system" })).toEqual([]);
    expect(await targets({ sinceMs: NOW + 1 })).toEqual(["t2", "t1"]);
    expect(await targets({ untilMs: NOW + 1 })).toEqual(["t0"]);
    expect(await targets({ sinceMs: NOW + 1, untilMs: NOW + 2 })).toEqual(["t1"]);
    expect((await store.list("other", {}, ALL)).rows).toEqual([]);
  });

  test("pages newest first while others write: nothing twice, nothing left out", async () => {
    const bus = "paged";
    for (let index = 0; index < 5; index++) await write(bus, `t${index}`, noteAt(NOW + index));
    const first = await store.list(bus, {}, { limit: 2, before: null });
    await write(bus, "late", noteAt(NOW + 9));
    const second = await store.list(bus, {}, { limit: 2, before: first.next });
    const third = await store.list(bus, { untilMs: NOW + 9 }, { limit: 2, before: second.next });
    const rows = [...first.rows, ...second.rows, ...third.rows];
    expect(rows.map(({ target }) => target)).toEqual(["t4", "t3", "t2", "t1", "t0"]);
    expect(third.next).toBeNull();
  });

  test("reads a bounded number of rows, however many a filter passes over", async () => {
    const bus = "long";
    await write(bus, "wanted", noteAt(NOW - 1));
    await db
      .prepare(
        `INSERT INTO audit (bus, id, at_ms, actor, action, target)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
         SELECT ?1, 'aud_z' || printf('%025d', i), 0, 'root', 'key.created', 'other' FROM n`,
      )
      .bind(bus, LIST_SCAN_ROWS_MAX)
      .run();
    const { db: reading, rowsRead, plans } = watched(db);
    const first = await d1Audit({ db: reading }).list(bus, { target: "wanted" }, ALL);
    expect(rowsRead()).toBeLessThanOrEqual(LIST_ROWS_READ_MAX);
    expect(first.rows).toEqual([]);
    const second = await store.list(bus, { target: "wanted" }, { limit: 200, before: first.next });
    expect(second.rows.map(({ target }) => target)).toEqual(["wanted"]);
    expect((await plans()).filter((line) => /^SCAN audit|TEMP B-TREE/.test(line))).toEqual([]);
  });
});

describe("the table", () => {
  const old = () => Date.now() - AUDIT_KEPT_MS - 60_000;

  test("is append-only: nothing is rewritten, and nothing removed before its time", async () => {
    await write("default", "young", noteAt(Date.now() - AUDIT_KEPT_MS + 60_000));
    await write("default", "old", noteAt(old()));
    await expect(run("UPDATE audit SET actor = 'root'")).rejects.toThrow(/append-only/);
    await expect(run("UPDATE audit SET at_ms = 0 WHERE target = 'old'")).rejects.toThrow(/append-only/);
    await expect(run("DELETE FROM audit WHERE bus = 'default'")).rejects.toThrow(/append-only/);
    const young = "DELETE FROM audit WHERE bus = 'default' AND target = 'young'";
    await expect(run(young)).rejects.toThrow(/append-only/);
    await run("DELETE FROM audit WHERE bus = 'default' AND target = 'old'");
    expect((await store.list("default", {}, ALL)).rows.map(({ target }) => target)).toEqual(["young"]);
  });

  test("lets go of what a deleted bus had", async () => {
    await run("INSERT INTO buses (bus, version, created_ms, updated_ms) VALUES ('ended', 1, 0, 0)");
    await write("ended", "young", noteAt(Date.now()));
    await expect(run("DELETE FROM audit WHERE bus = 'ended'")).rejects.toThrow(/append-only/);
    await run("UPDATE buses SET status = 'deleted' WHERE bus = 'ended'");
    await run("DELETE FROM audit WHERE bus = 'ended'");
    expect((await store.list("ended", {}, ALL)).rows).toEqual([]);
  });
});
