/**
 * `npm run bench:matcher -- [section …] [--quick] [--json FILE]`: how fast the matcher is, what it holds and how it grows, beside
 * what a user would do otherwise. Exit code 1 when an answer is wrong, a rule is refused that must be taken or something grows
 * faster than its input; a figure that misses its aim is only told.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { adversarial } from "./adversarial.ts";
import { citylots } from "./citylots.ts";
import { memory } from "./memory.ts";
import { operators } from "./operators.ts";
import { router } from "./router.ts";
import { createReport, type Section } from "./table.ts";

const SECTIONS: Readonly<Record<string, Section>> = { citylots, router, operators, memory, adversarial };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, json: { type: "string" } },
});
const unknown = positionals.filter((name) => SECTIONS[name] === undefined);
if (unknown.length > 0)
  throw new Error(`There is no section ${unknown.join(", ")}: ${Object.keys(SECTIONS).join(", ")}`);

const report = createReport((line) => console.log(line));
const machine = `Node ${process.version}, V8 ${process.versions.v8}, ${cpus()[0]?.model ?? "an unknown processor"}`;
console.log(`${machine}, one thread${values.quick ? ", a quick run: its figures are rough" : ""}`);
console.log(
  "Rates are medians of rounds in which all that is compared takes turns; half of the rounds lie within ± %.",
);
console.log(
  "Times have the collector's and the compiler's work in them, and not what others on the machine take in between.",
);

const beganMs = performance.now();
for (const [name, section] of Object.entries(SECTIONS))
  if (positionals.length === 0 || positionals.includes(name)) section({ report, quick: values.quick });
console.log(`\n${Math.round((performance.now() - beganMs) / 1_000)} s`);

for (const failure of report.failures) console.log(`FAILED: ${failure}`);
if (values.json !== undefined) {
  const { tables, failures } = report;
  writeFileSync(values.json, `${JSON.stringify({ machine, quick: values.quick, tables, failures }, null, 2)}\n`);
}
process.exitCode = report.failures.length === 0 ? 0 : 1;
