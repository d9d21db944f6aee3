/**
 * Builds the dashboard. What was built lies in `dist/dashboard.json` under a hash of all that it was built from, and is built again only
 * when that has changed: wrangler asks for it with each start.
 */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Rolldown } from "vite";

const ROOT = join(import.meta.dirname, "..");
const SOURCE = join(ROOT, "src/dashboard");
/** All that the result depends on: folders and files. */
const INPUTS = [
  "src/dashboard",
  "src/client",
  "src/core",
  "src/docs-page/favicon.svg",
  "package-lock.json",
  "scripts/dashboard.ts",
];
const BUILT = join(ROOT, "dist/dashboard.json");

/** What the browsers of the last years understand, `light-dark()` in CSS among it. */
const TARGET = ["chrome123", "firefox120", "safari17.5"];

interface Built {
  /** Of the inputs. */
  readonly hash: string;
  /** Base64 by path. */
  readonly files: Readonly<Record<string, string>>;
}

/** The files of the dashboard by the path they are served under: `index.html`, and `dashboard/<name>-<hash>.<ext>`. */
export async function dashboardFiles(): Promise<ReadonlyMap<string, Uint8Array>> {
  const hash = await hashOfInputs();
  const { files } = (await builtBefore(hash)) ?? (await keep({ hash, files: await build() }));
  return new Map(Object.entries(files).map(([name, base64]) => [name, Buffer.from(base64, "base64")]));
}

async function hashOfInputs(): Promise<string> {
  const hash = createHash("sha256");
  for (const path of (await Promise.all(INPUTS.map(filesAt))).flat()) {
    const bytes = await readFile(path);
    hash.update(`${relative(ROOT, path)} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}

async function filesAt(input: string): Promise<string[]> {
  const path = join(ROOT, input);
  // A file is no folder: it stands for itself.
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => null);
  if (entries === null) return [path];
  return entries.flatMap((entry) => (entry.isFile() ? join(entry.parentPath, entry.name) : [])).toSorted();
}

async function builtBefore(hash: string): Promise<Built | null> {
  const text = await readFile(BUILT, "utf8").catch(() => null);
  if (text === null) return null;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by `keep`, in one step
  const built = JSON.parse(text) as Built;
  return built.hash === hash ? built : null;
}

/** In one step, for several processes may do so at once. */
async function keep(built: Built): Promise<Built> {
  await mkdir(dirname(BUILT), { recursive: true });
  const unfinished = await mkdtemp(`${BUILT}-`);
  await writeFile(join(unfinished, "built"), JSON.stringify(built));
  await rename(join(unfinished, "built"), BUILT);
  await rm(unfinished, { recursive: true });
  return built;
}

async function build(): Promise<Built["files"]> {
  // Loaded when it is needed: it takes longer than all the rest.
  const vite = await import("vite");
  const result = await vite.build({
    configFile: false,
    envDir: false,
    root: SOURCE,
    logLevel: "error",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: { write: false, target: TARGET, assetsDir: "dashboard", modulePreload: { polyfill: false } },
  });
  if (!("output" in result)) throw new Error("vite builds once, and one thing");
  return Object.fromEntries(result.output.map((file) => [file.fileName, base64Of(file)]));
}

const base64Of = (file: Rolldown.OutputChunk | Rolldown.OutputAsset): string =>
  Buffer.from(file.type === "chunk" ? file.code : file.source).toString("base64");
