/** What documents that a command writes have in common: where something was measured, and how they are laid out. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** `2 × AMD EPYC` */
export const processor = (): string => `${cpus().length} × ${cpus()[0]?.model.trim() ?? "an unknown processor"}`;

/** Of an installed package; of the project itself without a name. */
export function versionOf(name?: string): string {
  const manifest = join(ROOT, name === undefined ? "package.json" : `node_modules/${name}/package.json`);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { readonly version: string }).version;
}

/** Lays files out as the checks ask for, in place. */
export function format(...files: readonly string[]): void {
  const oxfmt = join(ROOT, "node_modules/.bin/oxfmt");
  const { status, stderr } = spawnSync(oxfmt, files, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(`oxfmt: ${stderr}`);
}
