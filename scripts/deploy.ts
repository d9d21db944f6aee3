/**
 * `npm run deploy`: makes what the account lacks (databases, queues), applies migrations, deploys; the first time with new
 * secrets. Safe to repeat: what exists is left as it is. Never changes a file of the checkout, and never replaces a key that
 * opens what the database holds. Some arguments are passed to `wrangler deploy`; with `--dry-run` nothing else is done.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { unstable_readConfig } from "wrangler";
import * as z from "zod";
import { randomSecret, STOP_SIGNALS } from "./router.ts";
import { ended, runWrangler, spawnWrangler, type Finished } from "./wrangler.ts";

/** What an account needs, of `wrangler.toml`. */
const Needs = z.object({
  name: z.string(),
  d1_databases: z.array(z.object({ database_name: z.string() })),
  queues: z.object({ producers: z.array(z.object({ queue: z.string() })) }),
  secrets: z.object({ required: z.array(z.string()) }),
});
const NamedList = z.array(z.object({ name: z.string() }));

/**
 * Nothing here chooses another Worker, configuration or account: the other steps would not follow, and secrets missing in one
 * Worker would replace those of another.
 */
const OPTIONS = {
  "dry-run": { type: "boolean" },
  outdir: { type: "string" },
  var: { type: "string", multiple: true },
  "keep-vars": { type: "boolean" },
  domain: { type: "string", multiple: true },
  route: { type: "string", multiple: true },
  tag: { type: "string" },
  message: { type: "string" },
  strict: { type: "boolean" },
  /** The only one that is not wrangler's. */
  "print-secrets": { type: "boolean" },
} as const;
const PRINT_SECRETS = "--print-secrets";

/** The secret that opens what the database holds. */
const ENCRYPTION_KEY = "ENCRYPTION_KEY";
const IS_NEEDED =
  "SELECT EXISTS (SELECT 1 FROM subscriptions WHERE status <> 'deleted') " +
  "OR EXISTS (SELECT 1 FROM keys WHERE status <> 'deleted') AS needed";
const IsNeeded = z.tuple([z.object({ results: z.tuple([z.object({ needed: z.number() })]) })]);

/**
 * The whole of it; the exit code is that of `wrangler deploy`. `terminal`: what is printed is read by a person and kept
 * nowhere. Throws when an argument is refused, when new secrets would be lost, logged or make stored ones unreadable, and
 * with what wrangler said when a step before the deploy fails.
 */
export async function deploy(args: readonly string[], terminal: boolean): Promise<number> {
  const options = optionsOf(args);
  const command = ["deploy", ...args.filter((argument) => argument !== PRINT_SECRETS)];
  if (options["dry-run"]) return show(command);

  const needs = Needs.parse(unstable_readConfig({ config: "wrangler.toml" }));
  checkName(needs.name);
  const databases = needs.d1_databases.map(({ database_name }) => database_name);
  await checkLogin();
  await makeDatabases(databases);
  await Promise.all(needs.queues.producers.map(({ queue }) => makeQueue(queue)));
  for (const database of databases) await migrate(database);
  const missing = await missingSecrets(needs.name, needs.secrets.required);
  if (missing.length === 0) return show(command);
  if (missing.includes(ENCRYPTION_KEY)) for (const database of databases) await checkNotNeeded(database);
  if (!terminal && !options["print-secrets"]) throw new Error(wouldBeLogged(needs.name, missing));
  return deployWithSecrets(Object.fromEntries(missing.map((name) => [name, randomSecret()])), command);
}

function optionsOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    const names = Object.keys(OPTIONS).map((name) => `--${name}`);
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${reason}. This deploys the Worker of wrangler.toml and no other; it takes ${names.join(", ")}. For anything else edit wrangler.toml`,
      { cause: error },
    );
  }
}

/** Workers Builds makes `wrangler deploy`, and no other command, take another name than that of `wrangler.toml`. */
function checkName(name: string): void {
  const override = process.env["WRANGLER_CI_OVERRIDE_NAME"];
  if (override === undefined || override === name) return;
  throw new Error(
    `WRANGLER_CI_OVERRIDE_NAME is ${override}, but the Worker of wrangler.toml is ${name}: make them the same`,
  );
}

/** Runs wrangler and shows what it writes. Without a terminal to read from, it takes its own answers to its questions. */
async function show(args: readonly string[]): Promise<number> {
  return ended(spawnWrangler(args, { stdio: ["ignore", "inherit", "inherit"] }));
}

async function checkLogin(): Promise<void> {
  const { stdout } = await runWrangler(["whoami", "--json"]);
  if (/"loggedIn":\s*false/.test(stdout)) {
    throw new Error(
      "Not logged in to Cloudflare. Run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN, and deploy again",
    );
  }
}

async function makeDatabases(wanted: readonly string[]): Promise<void> {
  const existing = namesIn(await need(["d1", "list", "--json"]));
  for (const name of wanted.filter((database) => !existing.includes(database))) {
    await need(["d1", "create", name]);
    console.log(`Made the database ${name}`);
  }
}

async function makeQueue(name: string): Promise<void> {
  const finished = await runWrangler(["queues", "info", name]);
  if (finished.code === 0) return;
  if (!said(finished).includes("does not exist")) throw failure(["queues", "info", name], finished);
  await need(["queues", "create", name]);
  console.log(`Made the queue ${name}`);
}

async function migrate(database: string): Promise<void> {
  await need(["d1", "migrations", "apply", database, "--remote"]);
  console.log(`Migrated the database ${database}`);
}

/** The required secrets that the deployed Worker lacks; all of them when there is no Worker yet. */
async function missingSecrets(worker: string, required: readonly string[]): Promise<string[]> {
  const args = ["secret", "list", "--format=json"];
  const finished = await runWrangler(args);
  const noWorker = finished.code !== 0 && said(finished).includes(`Worker "${worker}" not found`);
  if (finished.code !== 0 && !noWorker) throw failure(args, finished);
  const existing = noWorker ? [] : namesIn(finished.stdout);
  return required.filter((name) => !existing.includes(name));
}

/** Throws when the database holds what only the Worker's former key opens: the Worker is gone or lost it, the database is not. */
async function checkNotNeeded(database: string): Promise<void> {
  const answer = await need(["d1", "execute", database, "--remote", "--json", "--command", IS_NEEDED]);
  const [
    {
      results: [{ needed }],
    },
  ] = IsNeeded.parse(JSON.parse(answer));
  if (needed === 0) return;
  throw new Error(
    `The Worker has no ${ENCRYPTION_KEY}, but the database ${database} holds subscriptions or API keys that need the one ` +
      `they were made with, and a new one would make them unreadable. Set it by hand and deploy again: ` +
      `npx wrangler secret put ${ENCRYPTION_KEY}. If it is lost, set a new one in the same way; docs/operations.md says what has to be made anew`,
  );
}

function wouldBeLogged(worker: string, missing: readonly string[]): string {
  const commands = missing.map((name) => `npx wrangler secret put ${name}`);
  return (
    `The Worker ${worker} lacks ${missing.join(" and ")}, and new ones would be printed into a log: the output is not a terminal. ` +
    `Set them by hand (${commands.join("; ")}) or deploy once from a terminal; with ${PRINT_SECRETS} they are printed all the same`
  );
}

async function deployWithSecrets(
  secrets: Readonly<Record<string, string>>,
  command: readonly string[],
): Promise<number> {
  // A Ctrl-C ends wrangler and then comes back here, where the file with the secrets is removed.
  for (const name of STOP_SIGNALS) process.on(name, () => {});
  const directory = await mkdtemp(join(tmpdir(), "fantail-"));
  try {
    const file = join(directory, "secrets.json");
    await writeFile(file, JSON.stringify(secrets), { mode: 0o600 });
    const code = await show([...command, "--secrets-file", file]);
    const lines = Object.entries(secrets).map(([name, value]) => `  ${name}=${value}`);
    const heading =
      code === 0
        ? "New secrets. They are shown this once; keep them where you keep passwords:"
        : "The deploy failed. If it got as far as making the Worker, these are its secrets, shown this once:";
    console.log(["", heading, ...lines, ""].join("\n"));
    return code;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** What the command writes to its standard output. Throws with all it said when it fails. */
async function need(args: readonly string[]): Promise<string> {
  const finished = await runWrangler(args);
  if (finished.code !== 0) throw failure(args, finished);
  return finished.stdout;
}

function failure(args: readonly string[], finished: Finished): Error {
  return new Error(`wrangler ${args.join(" ")} failed\n${said(finished)}`.trimEnd());
}

function said({ stdout, stderr }: Finished): string {
  return stdout + stderr;
}

function namesIn(json: string): string[] {
  return NamedList.parse(JSON.parse(json)).map(({ name }) => name);
}

if (import.meta.main) {
  try {
    process.exitCode = await deploy(process.argv.slice(2), process.stdout.isTTY);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
