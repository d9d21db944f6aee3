/**
 * Makes the npm package `@fantail/cli` of `src/cli/`: the command in one file, with everything it uses in it, so that installing it fetches
 * nothing else. It publishes nothing.
 */
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "vite";
import { VERSION } from "../src/version.ts";
import { packed } from "./client-package.ts";

const ROOT = join(import.meta.dirname, "..");
const ENTRY = "fantail.js";
const NOTICES = "THIRD-PARTY.md";
/** The oldest Node that it runs on: that of yargs. */
const NODE = "20.19";

const MANIFEST = {
  name: "@fantail/cli",
  version: VERSION,
  description:
    "The command line of Fantail: listen to events on your machine, publish, try filters, and keep buses as code",
  license: "Apache-2.0",
  type: "module",
  engines: { node: `>=${NODE}` },
  bin: { fantail: `./${ENTRY}` },
  files: [ENTRY, NOTICES],
};

/** Where the package is. */
export interface CliPackage {
  /** The package unpacked. */
  readonly folder: string;
  /** The `.tgz` that npm installs. */
  readonly tarball: string;
}

/** Makes it below `outdir`. @throws Error with what a tool said when it is not in order. */
export async function makeCliPackage(outdir: string): Promise<CliPackage> {
  const folder = resolve(outdir, "cli");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const modules = await bundle(folder);
  await chmod(join(folder, ENTRY), 0o755);
  await writeFile(join(folder, NOTICES), await notices(modules));
  await writeFile(join(folder, "package.json"), `${JSON.stringify(MANIFEST, null, 2)}\n`);
  await cp(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  await writeFile(join(folder, "README.md"), withoutLinksOutside(await readFile(join(ROOT, "docs/cli.md"), "utf8")));
  return { folder, tarball: await packed(folder, resolve(outdir, `fantail-cli-${VERSION}.tgz`)) };
}

/** Other documents are not in the package: what led to them is text. */
const withoutLinksOutside = (text: string): string => text.replaceAll(/\[([^\]]+)\]\([^)#]+\.md(?:#[^)]*)?\)/g, "$1");

/** Writes the command; the files that it is made of. */
async function bundle(folder: string): Promise<readonly string[]> {
  const built = await build({
    root: ROOT,
    configFile: false,
    publicDir: false,
    logLevel: "warn",
    ssr: { noExternal: true },
    build: {
      ssr: join(ROOT, "src/cli/main.ts"),
      target: `node${NODE}`,
      outDir: folder,
      emptyOutDir: false,
      rolldownOptions: { output: { entryFileNames: ENTRY } },
    },
  });
  const [output, ...others] = Array.isArray(built) ? built : [built];
  if (output === undefined || others.length > 0 || !("output" in output)) throw new Error("There is not one bundle");
  const [chunk, ...more] = output.output;
  if (more.length > 0)
    throw new Error(`The command is not in one file: ${more.map(({ fileName }) => fileName).join(", ")}`);
  return chunk.moduleIds;
}

/** Licences ask to be told wherever the code goes. */
async function notices(modules: readonly string[]): Promise<string> {
  const folders = new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []));
  const parts = await Promise.all([...folders].map(noticeOf));
  // The same version may lie in several folders.
  return `# What is bundled, and under which licences\n\n${[...new Set(parts)].toSorted().join("\n")}`;
}

async function noticeOf(folder: string): Promise<string> {
  const { name, version }: { name?: unknown; version?: unknown } = JSON.parse(
    await readFile(join(folder, "package.json"), "utf8"),
  );
  const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
  if (file === undefined) throw new Error(`${folder} has no licence`);
  return `## ${String(name)} ${String(version)}\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`;
}
