/**
 * `npm run bench:cost -- [--quick] [--json FILE]`: what an event costs, counted. Exit code 1 when a total is over its aim, or counts do
 * not add up. It takes some three minutes. docs/costs.json is such a file: the scale model and the tests read it.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { costsMarkdown, overAim } from "./markdown.ts";
import { measureCosts } from "./meter.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false }, json: { type: "string" } } });

const costs = await measureCosts({ quick: values.quick, say: (line) => console.error(line) });
console.log(costsMarkdown(costs));
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(costs, null, 2)}\n`);

const over = overAim(costs);
for (const line of over) console.error(`OVER ITS AIM: ${line}`);
process.exitCode = over.length === 0 ? 0 : 1;
