/** The command line as a whole: its commands, the options they share, and what `--help` says. */
import yargs, { type Argv } from "yargs";
import { VERSION } from "../version.ts";
import { usage } from "./failure.ts";
import { REPEATABLE, text } from "./options.ts";
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
    .option("url", { ...text("Where the router is, like https://events.example.com"), global: true })
    .option("bus", { ...text("The bus, for the root key; other keys have their own"), global: true })
    .option("config", { ...text("Read this file instead of ~/.config/fantail/config.json"), global: true })
    .option("json", { type: "boolean", global: true, default: false, describe: "Answer in JSON on stdout" });
  const complete = COMMANDS.reduce((before, add) => add(before, run), parser);
  return complete
    .completion("completion", "Print a completion script for bash or zsh")
    .demandCommand(1, "Which command? fantail --help lists them")
    .strict()
    .check((given) => givenOnce(given))
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
    .group(["url", "bus", "config", "json", "help", "version"], "Everywhere:")
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

/** @throws Failure on an option of one value that has several. */
function givenOnce(options: Readonly<Record<string, unknown>>): true {
  const twice = Object.entries(options).find(([name, value]) => Array.isArray(value) && !REPEATABLE.has(name));
  if (twice !== undefined) throw usage(`--${twice[0]} is given more than once`);
  return true;
}

const isParserError = (error: unknown): boolean => error instanceof Error && error.name === "YError";

const oneLine = (message: string): string => message.trim().replaceAll(/\s*\n\s*/g, "; ");
