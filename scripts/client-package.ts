/**
 * Makes the npm package `@fantail/client` of `src/client/`: JavaScript and declarations of each file, as tsc writes them, and
 * nothing bundled. It publishes nothing.
 */
import { spawn } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { VERSION } from "../src/version.ts";
import { finished } from "./wrangler.ts";

const ROOT = join(import.meta.dirname, "..");
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

const MANIFEST = {
  name: "@fantail/client",
  version: VERSION,
  description:
    "Publish events to Fantail, verify its webhooks, and manage it: typed, without dependencies, for any runtime with fetch",
  license: "Apache-2.0",
  type: "module",
  sideEffects: false,
  engines: { node: ">=20" },
  exports: { ".": { types: "./client/index.d.ts", default: "./client/index.js" } },
  files: ["client", "core"],
};

/** Where the package is. */
export interface ClientPackage {
  /** The package unpacked. */
  readonly folder: string;
  /** The `.tgz` that npm installs. */
  readonly tarball: string;
}

/** Makes it below `outdir`. @throws Error with what a tool said when it is not in order. */
export async function makeClientPackage(outdir: string): Promise<ClientPackage> {
  const folder = resolve(outdir, "client");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await run(process.execPath, [TSC, "-p", join(ROOT, "src/client"), "--outDir", folder]);
  await resolvable(folder);
  await writeFile(join(folder, "package.json"), `${JSON.stringify(MANIFEST, null, 2)}\n`);
  await cp(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  await cp(join(ROOT, "src/client/README.md"), join(folder, "README.md"));
  // So npm names it.
  return { folder, tarball: await packed(folder, resolve(outdir, `fantail-client-${VERSION}.tgz`)) };
}

/** Packs a folder that is a package, beside it. @throws Error with what a tool said when it is not in order. */
export async function packed(folder: string, tarball: string): Promise<string> {
  await lint(folder);
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", dirname(tarball)], folder);
  return tarball;
}

/** tsc rewrites the imports of what runs, and leaves those of declarations as they are written. */
async function resolvable(folder: string): Promise<void> {
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => name.endsWith(".d.ts"))) {
    const text = await readFile(join(folder, file), "utf8");
    await writeFile(join(folder, file), text.replaceAll(/(from |import\()"(\.\.?\/[^"]+)\.ts"/g, '$1"$2.js"'));
  }
}

async function lint(folder: string): Promise<void> {
  const { messages, pkg } = await publint({ pkgDir: folder, strict: true });
  if (messages.length === 0) return;
  throw new Error(messages.map((message) => formatMessage(message, pkg)).join("\n"));
}

async function run(command: string, args: readonly string[], cwd?: string): Promise<void> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...(cwd === undefined ? {} : { cwd }) });
  const { code, stdout, stderr } = await finished(child);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed\n${stdout}${stderr}`);
}
