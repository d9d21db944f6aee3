import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { unstable_readConfig } from "wrangler";
import { fillAssets } from "../../scripts/assets.ts";
import { PATHS } from "../../src/dashboard/paths.ts";
import { fakeHttp } from "../http.ts";

/** A directory that is not there yet, alone in one that is gone when the test has finished. */
function nowhere(): string {
  const parent = mkdtempSync(join(tmpdir(), "fantail-assets-"));
  onTestFinished(() => rmSync(parent, { recursive: true }));
  return join(parent, "a", "assets");
}

function filesIn(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => (entry.isFile() ? join(entry.parentPath, entry.name) : [])).toSorted();
}

/** What a page loads before its script has run: paths from the root. */
const loadedBy = (page: string): string[] =>
  [...page.matchAll(/(?:href|src)="(\/dashboard\/[^"]+)"/g)].map(([, path = ""]) => path);

/** Compressed: what a slow mobile network brings in a second. */
const FIRST_LOAD_BYTES_MAX = 40_000;

test("fillAssets() makes the directory, and all that the page loads is there", async () => {
  const directory = nowhere();
  await fillAssets(directory);
  const page = readFileSync(join(directory, "docs.html"), "utf8");
  const loaded = [...page.matchAll(/(?:href|src)="(\/docs\/[^"]+)"/g)].map(([, path = ""]) => join(directory, path));
  expect(loaded.length).toBeGreaterThanOrEqual(5);
  expect(filesIn(directory)).toEqual(expect.arrayContaining(loaded));
  expect(page).not.toMatch(/[{}]|<script>|<style|style=|https?:/);
  expect(readdirSync(dirname(directory))).toEqual(["assets"]);
});

test("the dashboard asks nobody else, and has no code or style in its page", async () => {
  const directory = nowhere();
  await fillAssets(directory);
  const page = readFileSync(join(directory, "index.html"), "utf8");
  const loaded = loadedBy(page);
  expect(new Set(loaded.map((path) => path.split(".").at(-1)))).toEqual(new Set(["css", "js", "svg"]));
  expect(filesIn(directory)).toEqual(expect.arrayContaining(loaded.map((path) => join(directory, path))));
  expect(page).not.toMatch(/<script>|<style|style=|\son\w+=|https?:/);
});

test("the first load of the dashboard is small, for charts and pages are loaded when they are shown", async () => {
  const directory = nowhere();
  await fillAssets(directory);
  const loaded = loadedBy(readFileSync(join(directory, "index.html"), "utf8"));
  const bytes = loaded.map((path) => gzipSync(readFileSync(join(directory, path))).length);
  expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThan(FIRST_LOAD_BYTES_MAX);
  const scripts = loaded
    .filter((path) => path.endsWith(".js"))
    .map((path) => readFileSync(join(directory, path), "utf8"));
  expect(scripts.join("")).not.toMatch(/u-over|cm-editor/);
});

test("each page of the dashboard is index.html, at its path", async () => {
  const directory = nowhere();
  await fillAssets(directory);
  const rules = readFileSync(join(directory, "_redirects"), "utf8").trim().split("\n");
  expect(new Set(["/", ...rules.map((rule) => rule.split(" ")[0])])).toEqual(new Set(Object.values(PATHS)));
  expect(rules.filter((rule) => !rule.endsWith(" / 200"))).toEqual([]);
});

test("the licences of Swagger UI go with the copy of it", async () => {
  const directory = nowhere();
  await fillAssets(directory);
  const names = filesIn(directory).map((path) => path.split("/").at(-1));
  expect(names.filter((name) => name?.endsWith(".txt"))).toEqual([
    "swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.LICENSE.txt",
    "swagger-ui.NOTICE.txt",
  ]);
});

test("fillAssets() writes nothing that is there, mends what differs, and removes what is not its own", async () => {
  const directory = nowhere();
  await fillAssets(directory);
  const files = filesIn(directory);
  const changed = () => files.map((path) => statSync(path).ctimeMs);
  const before = changed();
  await fillAssets(directory);
  expect(changed()).toEqual(before);

  writeFileSync(join(directory, "docs.html"), "old");
  mkdirSync(join(directory, "docs/old"));
  writeFileSync(join(directory, "docs/old/docs.js"), "old");
  await fillAssets(directory);
  expect(filesIn(directory)).toEqual(files);
  expect(readFileSync(join(directory, "docs.html"), "utf8")).toContain("<!doctype html>");
});

test("several may fill the same directory at a time", async () => {
  const directory = nowhere();
  await Promise.all(Array.from({ length: 8 }, () => fillAssets(directory)));
  expect(readdirSync(dirname(directory))).toEqual(["assets"]);
  const alone = nowhere();
  await fillAssets(alone);
  const contents = (root: string) => filesIn(root).map((path) => [path.slice(root.length), readFileSync(path, "utf8")]);
  expect(contents(directory)).toEqual(contents(alone));
});

test("every path of the API goes to the Worker before the files are looked at", () => {
  const { assets } = unstable_readConfig({ config: "wrangler.toml" });
  const first = assets?.run_worker_first;
  if (!Array.isArray(first)) throw new Error("run_worker_first is a list");
  const covered = (path: string) =>
    first.some((rule) => (rule.endsWith("*") ? path.startsWith(rule.slice(0, -1)) : path === rule));
  const paths = fakeHttp().app.routes.flatMap(({ method, path }) => (method === "ALL" ? [] : path));
  expect(paths).toContain("/v1/events");
  expect(paths.filter((path) => !covered(path))).toEqual([]);
});
