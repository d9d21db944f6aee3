/**
 * Fills `dist/assets` with the files that are served beside the Worker: the dashboard, the page of the API reference, and Swagger UI.
 * wrangler runs it before each bundle, by `[build]` in `wrangler.toml`. Decides no header: those are in `src/assets/_headers`.
 */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { PATHS } from "../src/dashboard/paths.ts";
import { dashboardFiles } from "./dashboard.ts";

/** Where `wrangler.toml` says that the files are. */
const ASSETS = join(import.meta.dirname, "../dist/assets");

const HEADERS = join(import.meta.dirname, "../src/assets/_headers");
const PAGE = join(import.meta.dirname, "../src/docs-page");
const SWAGGER_UI = dirname(fileURLToPath(import.meta.resolve("swagger-ui-dist/package.json")));
/** Of the package, by the name it is served under: what the page loads, and the licences that go with each copy. */
const SWAGGER_UI_FILES = {
  "swagger-ui.css": "swagger-ui.css",
  "swagger-ui-bundle.js": "swagger-ui-bundle.js",
  "swagger-ui-bundle.js.LICENSE.txt": "swagger-ui-bundle.js.LICENSE.txt",
  "swagger-ui.LICENSE.txt": "LICENSE",
  "swagger-ui.NOTICE.txt": "NOTICE",
};
const PAGE_FILES = ["docs.css", "docs.js", "favicon.svg"];
/** Hexadecimal digits of the folder's name: enough that two versions never meet. */
const VERSION_DIGITS = 12;

type Files = ReadonlyMap<string, Uint8Array>;

/**
 * Makes `directory` hold these files and no other. A file that is as it should be is left alone, and any other is replaced in one step:
 * several processes may fill the same directory while a router serves from it.
 */
export async function fillAssets(directory: string): Promise<void> {
  const files = await wantedFiles();
  await mkdir(directory, { recursive: true });
  // Beside the directory, where nobody takes what is unfinished for a file to serve or to remove.
  const unfinished = await mkdtemp(`${directory}-`);
  for (const [name, bytes] of files) await put(join(directory, name), bytes, join(unfinished, "file"));
  await rm(unfinished, { recursive: true });
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !files.has(relative(directory, path))) await rm(path, { force: true });
  }
}

async function wantedFiles(): Promise<Files> {
  return new Map<string, Uint8Array>([
    ["_headers", await readFile(HEADERS)],
    ["_redirects", Buffer.from(redirects())],
    ...(await referenceFiles()),
    ...(await dashboardFiles()),
  ]);
}

/** Each page of the dashboard is `index.html`, whose script looks at the path. 200: the path stays as it is. */
function redirects(): string {
  const pages = Object.values(PATHS).filter((path) => path !== "/");
  return pages.map((path) => `${path} / 200\n`).join("");
}

async function referenceFiles(): Promise<Files> {
  const loaded = new Map<string, Uint8Array>();
  for (const name of PAGE_FILES) loaded.set(name, await readFile(join(PAGE, name)));
  for (const [name, source] of Object.entries(SWAGGER_UI_FILES))
    loaded.set(name, await readFile(join(SWAGGER_UI, source)));
  const version = versionOf(loaded);
  const page = await readFile(join(PAGE, "docs.html"), "utf8");
  return new Map<string, Uint8Array>([
    ["docs.html", Buffer.from(page.replaceAll("{version}", version))],
    ...[...loaded].map(([name, bytes]) => [join("docs", version, name), bytes] as const),
  ]);
}

function versionOf(files: Files): string {
  const hash = createHash("sha256");
  for (const [name, bytes] of files) hash.update(`${name} ${bytes.length}\n`).update(bytes);
  return hash.digest("hex").slice(0, VERSION_DIGITS);
}

async function put(path: string, bytes: Uint8Array, unfinished: string): Promise<void> {
  const present = await readFile(path).catch(() => null);
  if (present?.equals(bytes)) return;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(unfinished, bytes);
  await rename(unfinished, path);
}

if (import.meta.main) await fillAssets(ASSETS);
