// The documents point at what is there: relative links with their headings, and the files and constants that they name.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import * as limits from "../../src/core/limits.ts";
import { EVENT_EXAMPLE } from "../../src/http/contract/cloudevents.ts";

const ROOT = join(import.meta.dirname, "../..");

const documents = [
  ...readdirSync(ROOT),
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((path) => join("docs", path)),
].filter((path) => path.endsWith(".md"));

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** Without fenced blocks: they hold other people's syntax. */
const proseOf = (text: string): string => text.replaceAll(/^ *```.*?^ *```$/gms, "");

/** The anchors of a document, as GitHub makes them of its headings. */
const anchorsOf = (path: string): string[] =>
  [...proseOf(read(path)).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );

/** Every `src/….ts`, `test/….ts`, … in backquotes or in a picture; one that ends in a slash is a folder. */
const filesNamedIn = (text: string): string[] =>
  [...text.matchAll(/(?:^|[\s`"[(])((?:src|test|scripts|docs|migrations)\/(?:[\w./-]*\w\.\w+|(?:[\w.-]+\/)*))/gm)].map(
    ([, file = ""]) => file,
  );

describe.each(documents)("%s", (path) => {
  const text = read(path);

  it("has only relative links that lead somewhere", () => {
    const targets = [...proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
    const dead = targets.filter((target) => {
      if (/^[a-z]+:/.test(target)) return false;
      const [file = "", anchor] = target.split("#");
      const resolved = file === "" ? path : relative(ROOT, join(ROOT, dirname(path), file));
      if (!existsSync(join(ROOT, resolved))) return true;
      return anchor !== undefined && !anchorsOf(resolved).includes(anchor);
    });
    expect(dead).toEqual([]);
  });
});

it("the documents were found", () => {
  expect(documents).toEqual(expect.arrayContaining(["README.md", "docs/architecture.md", "docs/delivery.md"]));
});

const LIVING = ["README.md", ...documents.filter((path) => path.startsWith("docs/"))];

it.each(LIVING)("%s names only files that exist", (path) => {
  expect(filesNamedIn(read(path)).filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

it("docs/architecture.md names files, and each test of its failure table", () => {
  const files = filesNamedIn(read("docs/architecture.md"));
  expect(files).toContain("src/ingest.ts");
  expect(files.filter((file) => /^test\/.+\.test\.ts$/.test(file)).length).toBeGreaterThan(10);
});

it.each(LIVING)("%s names only limits that there are", (path) => {
  const named = [...read(path).matchAll(/`([A-Z][A-Z\d]*(?:_[A-Z\d]+)*_(?:MAX|MIN|MS|DEFAULT|SECONDS))`/g)].map(
    ([, name]) => name,
  );
  expect(named.filter((name) => !Object.hasOwn(limits, String(name)))).toEqual([]);
});

it("docs/operations.md lists every line that the code logs, and no other", () => {
  const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  const logged = sources.flatMap((file) =>
    [...read(join("src", file)).matchAll(/[lL]ogger\.(info|warn|error)\(\s*"([^"]+)"/g)].map(
      ([, level, name]) => `${name} ${level}`,
    ),
  );
  const [, section = ""] = read("docs/operations.md").split("## Log lines");
  const [table = ""] = section.split("\n## ");
  const listed = [...table.matchAll(/^\| `([\w.]+)` +\| (info|warn|error) /gm)].map(
    ([, name, level]) => `${name} ${level}`,
  );
  expect(new Set(listed)).toEqual(new Set(logged));
});

it("docs/storage.md has every table, column and index of the migrations", () => {
  const sql = readdirSync(join(ROOT, "migrations"))
    .map((file) => read(join("migrations", file)).replaceAll(/--.*$/gm, ""))
    .join("\n");
  const storage = read("docs/storage.md");
  const sectionOf = (table: string): string => storage.split(`\n### ${table}\n`)[1]?.split("\n#")[0] ?? "";
  const missing = [
    ...[...sql.matchAll(/CREATE TABLE (\w+) \((.*?)\) STRICT/gs)].flatMap(([, table = "", body = ""]) =>
      [...body.matchAll(/^ {2}([a-z_]+) /gm)].flatMap(([, column = ""]) =>
        sectionOf(table).includes(`\`${column}\``) ? [] : [`${table}.${column}`],
      ),
    ),
    ...[...sql.matchAll(/ALTER TABLE (\w+) ADD COLUMN (\w+)/g)].flatMap(([, table = "", column = ""]) =>
      sectionOf(table).includes(`\`${column}\``) ? [] : [`${table}.${column}`],
    ),
    ...[...sql.matchAll(/CREATE (?:UNIQUE )?INDEX (\w+) ON (\w+)/g)].flatMap(([, index = "", table = ""]) =>
      sectionOf(table).includes(`\`${index}\``) ? [] : [index],
    ),
  ];
  expect(sql).toContain("CREATE TABLE events");
  expect(sql).toContain("ALTER TABLE buses ADD COLUMN");
  expect(missing).toEqual([]);
});

it("the event of the README is not the example of the API reference: whoever tried that first would see it delivered", () => {
  const [published = ""] = /\{\s*"type": "order.created", "source": .*?\}'/s.exec(read("README.md")) ?? [];
  expect(published).toContain(`"source": "${EVENT_EXAMPLE.source}"`);
  expect(published).not.toContain(`"id": "${EVENT_EXAMPLE.id}"`);
});
