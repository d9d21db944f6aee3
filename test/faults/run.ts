/**
 * `npm run test:faults -- [hostile] [steady] [killed]`: the router in the real local runtime against sinks that misbehave, under more
 * load than its sinks are to bear, and killed in mid-load. Everything is judged by what the sinks counted. Exit code 1 when anything
 * that must hold does not.
 */
import { hostile } from "./hostile.ts";
import { killed } from "./killed.ts";
import { createReport, type Report } from "./report.ts";
import { steady } from "./steady.ts";

const SCENARIOS: Readonly<Record<string, (report: Report) => Promise<void>>> = { hostile, steady, killed };

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => SCENARIOS[name] === undefined);
if (unknown.length > 0)
  throw new Error(`There is no scenario ${unknown.join(", ")}: ${Object.keys(SCENARIOS).join(", ")}`);

const report = createReport();
const beganMs = performance.now();
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  try {
    await scenario(report);
  } catch (error) {
    // The others are to be seen too.
    console.error(error);
    report.check(`${name} went to its end`, false);
  }
}

for (const failure of report.failures) report.say(`FAILED: ${failure}`);
report.say(`\n${Math.round((performance.now() - beganMs) / 1_000)} s`);
process.exitCode = report.failures.length === 0 ? 0 : 1;
