/**
 * `npm run bench:model -- [--write]`: what a rate of events needs, from docs/costs.json, limits.json and what is configured. `--write`: as
 * docs/scale.md; otherwise it is shown.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { format } from "../../scripts/rig/document.ts";
import { KEPT_COSTS } from "../cost/kept.ts";
import { scaleMarkdown } from "./markdown.ts";
import { readWorld } from "./world.ts";

const DOCUMENT = join(import.meta.dirname, "../../docs/scale.md");

const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });

const text = scaleMarkdown(KEPT_COSTS, readWorld());
if (values.write) {
  writeFileSync(DOCUMENT, text);
  format(DOCUMENT);
} else console.log(text);
