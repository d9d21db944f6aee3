/** `fantail test`: filters of a file held against events, offline, for a user's CI. */
import { systemRuntime } from "../../client/runtime.ts";
import { parseYaml, placeOf, readText } from "../documents.ts";
import { EXIT, usage, type ExitCode } from "../failure.ts";
import { readFilterTests, runFilterTest, type FilterTestResult } from "../filter-tests.ts";
import { text } from "../options.ts";
import { harmless, type Output } from "../output.ts";
import type { Command, Shell } from "../shell.ts";
import { FILE_DEFAULT } from "../state/planning.ts";
import { readOutline } from "../state/outline.ts";
import { wantedFilters } from "../state/wanted.ts";
import { clauseLines } from "./explain.ts";

const TESTS_DEFAULT = "fantail.test.yaml";

export const test: Command = (parser, run) =>
  parser.command(
    "test [tests..]",
    "Test which subscriptions of a file take which events, offline",
    (command) =>
      command
        .positional("tests", {
          type: "string",
          array: true,
          default: [TESTS_DEFAULT],
          describe: "Lists of {name, event, expect, expect_not}",
        })
        .option("file", { ...text("Whose subscriptions are tested"), default: FILE_DEFAULT })
        .example("$0 test", "fantail.test.yaml against fantail.yaml: no router, no key"),
    (args) => run(args, (shell) => testAll(shell, args.tests, args.file)),
  );

async function testAll({ out }: Shell, files: readonly string[], file: string): Promise<ExitCode> {
  const buses = wantedFilters(await readOutline(file), process.env);
  const results: FilterTestResult[] = [];
  for (const one of files) {
    const tests = readFilterTests(parseYaml(await readText(one), placeOf(one)));
    results.push(...tests.map((each) => runFilterTest(each, buses, systemRuntime.now())));
  }
  if (results.length === 0) throw usage(`${files.join(", ")} has no tests`);
  const failed = results.filter(({ misses }) => misses.length > 0).length;
  const shown = results.map(({ name, place, takenBy, misses }) => ({
    name,
    place,
    passed: misses.length === 0,
    taken_by: takenBy,
    misses,
  }));
  out.answer({ passed: results.length - failed, failed, tests: shown }, () => [
    ...results.flatMap((result) => resultLines(result, out)),
    `${results.length - failed} passed, ${failed} failed`,
  ]);
  return failed === 0 ? EXIT.ok : EXIT.failed;
}

function resultLines({ name, place, takenBy, misses }: FilterTestResult, out: Output): readonly string[] {
  if (misses.length === 0) return [`${out.paint("good", "✓")} ${harmless(name)}`];
  return [
    `${out.paint("bad", "✗")} ${harmless(`${name} (${place.slice(0, -1)})`)}`,
    harmless(`  taken by ${takenBy.length === 0 ? "nobody" : takenBy.join(", ")}`),
    ...misses.flatMap(({ subscription, expected, clauses }) => [
      harmless(`  ${subscription} ${expected ? "does not take it" : "takes it, and should not"}`),
      ...(clauses.length === 0 ? ["    It has no conditions"] : clauseLines(clauses, out).map((line) => `  ${line}`)),
    ]),
  ];
}
