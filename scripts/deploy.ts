/**
 * `npm run deploy`: makes what the account lacks (databases, queues), applies migrations, deploys; the first time with new
 * secrets. Safe to repeat: what exists is left as it is. Never changes a file of the checkout. Arguments are passed to
 * `wrangler deploy`; with `--dry-run` nothing else is done.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unstable_readConfig } from "wrangler";
import * as z from "zod";
import { randomSecret, STOP_SIGNALS } from "./router.ts";
import { ended, runWrangler, spawnWrangler, type Finished } from "./wrangler.ts";

/** What an account needs, of `wrangler.toml`. */
const Needs = z.object({
  d1_databases: z.array(z.object({ database_name: z.string() })),
  queues: z.object({ producers: z.array(z.object({ queue: z.string() })) }),
  secrets: z.object({ required: z.array(z.string()) }),
});
const NamedList = z.array(z.object({ name: z.string() }));

/** The whole of it; the exit code is that of `wrangler deploy`. Throws with what wrangler said when a step before that fails. */
export async function deploy(args: readonly string[]): Promise<number> {
  if (args.includes("--dry-run")) return show(["deploy", ...args]);

  const needs = Needs.parse(unstable_readConfig({ config: "wrangler.toml" }));
  const databases = needs.d1_databases.map(({ database_name }) => database_name);
  await checkLogin();
  await makeDatabases(databases);
  await Promise.all(needs.queues.producers.map(({ queue }) => makeQueue(queue)));
  for (const database of databases) await migrate(database);
  const secrets = await newSecrets(needs.secrets.required);
  return Object.keys(secrets).length === 0 ? show(["deploy", ...args]) : deployWithSecrets(secrets, args);
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

/** A random value for each required secret that the deployed Worker lacks; for all of them when there is no Worker yet. */
async function newSecrets(required: readonly string[]): Promise<Record<string, string>> {
  const args = ["secret", "list", "--format=json"];
  const finished = await runWrangler(args);
  const noWorker = finished.code !== 0 && /not found|does not exist/.test(said(finished));
  if (finished.code !== 0 && !noWorker) throw failure(args, finished);
  const existing = noWorker ? [] : namesIn(finished.stdout);
  const missing = required.filter((name) => !existing.includes(name));
  return Object.fromEntries(missing.map((name) => [name, randomSecret()]));
}

async function deployWithSecrets(secrets: Readonly<Record<string, string>>, args: readonly string[]): Promise<number> {
  // A Ctrl-C ends wrangler and then comes back here, where the file with the secrets is removed.
  for (const name of STOP_SIGNALS) process.on(name, () => {});
  const directory = await mkdtemp(join(tmpdir(), "fantail-"));
  try {
    const file = join(directory, "secrets.json");
    await writeFile(file, JSON.stringify(secrets), { mode: 0o600 });
    const code = await show(["deploy", ...args, "--secrets-file", file]);
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
    process.exitCode = await deploy(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
