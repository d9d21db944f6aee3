/** The command line as a whole: its commands, the options they share, and what `--help` says. */
import yargs, { type Argv } from "yargs";
import { VERSION } from "../version.ts";
import { usage } from "./failure.ts";
import type { Command, CommonOptions, Run } from "./shell.ts";
import { apply } from "./commands/apply.ts";
import { backtest } from "./commands/backtest.ts";
import { explain } from "./commands/explain.ts";
import { get } from "./commands/get.ts";
import { importing } from "./commands/import.ts";
import { keys } from "./commands/keys.ts";
import { listening } from "./commands/listen.ts";
import { config, login } from "./commands/login.ts";
import { open } from "./commands/open.ts";
import { plan } from "./commands/plan.ts";
import { publish } from "./commands/publish.ts";
import { retry } from "./commands/retry.ts";
import { subs } from "./commands/subs.ts";
import { tail } from "./commands/tail.ts";
import { test } from "./commands/test.ts";

const COMMANDS: readonly Command[] = [
  listening,
  tail,
  publish,
  get,
  explain,
  retry,
  subs,
  keys,
  backtest,
  plan,
  apply,
  test,
  importing,
  open,
  login,
  config,
];

const EPILOGUE = `Where the router is: --url, FANTAIL_URL, or the file that fantail login writes. The key: FANTAIL_KEY, or that file.
Exit codes: 0 done; 1 refused, or some of it failed; 2 the command line or a file is wrong; 3 no router answered.
Guide: docs/cli.md`;

const COLUMNS_MAX = 110;

/** @throws Failure on what is no command line of ours; what a command throws. */
export function createParser(args: readonly string[], run: Run): Argv<CommonOptions> {
  const parser: Argv<CommonOptions> = yargs([...args])
    .scriptName("fantail")
    .usage("$0 <command>\n\nPublish, receive and manage events of a Fantail router.")
    .locale("en")
    .option("url", { type: "string", global: true, describe: "Where the router is, like https://events.example.com" })
    .option("bus", { type: "string", global: true, describe: "The bus, for the root key; other keys have their own" })
    .option("config", {
      type: "string",
      global: true,
      describe: "Read this file instead of ~/.config/fantail/config.json",
    })
    .option("json", { type: "boolean", global: true, default: false, describe: "Answer in JSON on stdout" });
  const complete = COMMANDS.reduce((before, add) => add(before, run), parser);
  return complete
    .completion("completion", "Print a completion script for bash or zsh")
    .demandCommand(1, "Which command? fantail --help lists them")
    .strict()
    .parserConfiguration({
      "camel-case-expansion": false,
      "duplicate-arguments-array": true,
      "parse-numbers": false,
      "parse-positional-numbers": false,
    })
    .version(VERSION)
    .alias("version", "V")
    .help()
    .alias("help", "h")
    .epilogue(EPILOGUE)
    .wrap(Math.min(COLUMNS_MAX, parser.terminalWidth()))
    .exitProcess(false)
    .fail((message, error: unknown) => {
      // What a command throws comes as an error without a message of the parser's.
      if (error !== undefined && error !== null && !isParserError(error)) throw error;
      const told = oneLine(message ?? String(error));
      throw usage(told.includes("--help") ? told : `${told}: see fantail --help`, error);
    });
}

const isParserError = (error: unknown): boolean => error instanceof Error && error.name === "YError";

const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, "; ");
