/**
 * `npm run bench:model -- [--write]`: what a rate of events needs, from docs/costs.json, limits.json and what is configured. `--write`: as
 * docs/scale.md; otherwise it is shown.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KEPT_COSTS } from "../cost/kept.ts";
import { scaleMarkdown } from "./markdown.ts";
import { readWorld } from "./world.ts";

const ROOT = join(import.meta.dirname, "../..");
const DOCUMENT = join(ROOT, "docs/scale.md");

const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });

const text = scaleMarkdown(KEPT_COSTS, readWorld());
if (values.write) {
  writeFileSync(DOCUMENT, text);
  const { status, stderr } = spawnSync(join(ROOT, "node_modules/.bin/oxfmt"), [DOCUMENT], { encoding: "utf8" });
  if (status !== 0) throw new Error(`oxfmt: ${stderr}`);
} else console.log(text);
