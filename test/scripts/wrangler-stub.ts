/**
 * Stands in for wrangler: knows one account, answers the way wrangler 4 answers, and notes each command. The account is a
 * file of facts, one a line, named by `FANTAIL_STUB_ACCOUNT`: commands run at the same time and only ever append. It never
 * touches the network beyond the local address and port that `dev` is told to use.
 */
import { appendFileSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** One thing that is so in the account, or that happened to it. */
export type Fact =
  | { readonly kind: "database" | "queue" | "secret"; readonly name: string }
  | { readonly kind: "logged-out" | "worker" }
  /** `dev` starts and never says that it listens. */
  | { readonly kind: "never-ready" }
  /** A statement that the migrated remote database has executed. */
  | { readonly kind: "statement"; readonly sql: string }
  /** Commands that start so fail and do nothing; the last such fact holds, and an empty one ends it. */
  | { readonly kind: "failing"; readonly command: string }
  | { readonly kind: "command"; readonly line: string }
  /** A secrets file, and its permission bits. */
  | { readonly kind: "upload"; readonly secrets: Readonly<Record<string, string>>; readonly mode: number }
  /** What `dev` was asked: method and path. */
  | { readonly kind: "request"; readonly line: string };

const STRING = { type: "string" } as const;

const accountFile = process.env["FANTAIL_STUB_ACCOUNT"];
if (accountFile !== undefined) run(accountFile, process.argv.slice(2));

function run(file: string, args: readonly string[]): void {
  const facts: Fact[] = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  const names = (kind: Fact["kind"]) =>
    facts.flatMap((fact) => (fact.kind === kind && "name" in fact ? fact.name : []));
  const is = (kind: Fact["kind"]) => facts.some((fact) => fact.kind === kind);
  const note = (fact: Fact) => appendFileSync(file, `${JSON.stringify(fact)}\n`);
  const line = args.join(" ");
  const name = args.at(-1) ?? "";

  note({ kind: "command", line });
  const failing = facts.findLast((fact) => fact.kind === "failing")?.command ?? "";
  if (failing !== "" && line.startsWith(failing)) fail("Something broke [code: 10000]");
  else if (line === "whoami --json") {
    console.log(JSON.stringify({ loggedIn: !is("logged-out") }));
    process.exitCode = is("logged-out") ? 1 : 0;
  } else if (line === "d1 list --json") console.log(JSON.stringify(names("database").map(named), null, 2));
  else if (line === `d1 create ${name}`) note({ kind: "database", name });
  else if (line === `queues info ${name}`) {
    if (!names("queue").includes(name))
      fail(`Queue "${name}" does not exist. To create it, run: wrangler queues create`);
  } else if (line === `queues create ${name}`) {
    if (names("queue").includes(name)) fail(`Queue name '${name}' is already taken. [code: 11009]`);
    else note({ kind: "queue", name });
  } else if (line.startsWith("secret list")) {
    if (is("worker")) console.log(JSON.stringify(names("secret").map(named)));
    else fail('Worker "fantail" not found.');
  } else if (args[0] === "deploy") deploy(args, note);
  else if (line.startsWith("d1 execute fantail --remote --json --command ")) {
    const before = facts.flatMap((fact) => (fact.kind === "statement" ? fact.sql : []));
    void query(before, name);
  } else if (args[0] === "dev") {
    // A script that is killed ends no wrangler: no stub must outlive its test for that.
    process.once("disconnect", () => process.exit());
    if (!is("never-ready")) void serve(args, (request) => note({ kind: "request", line: request }));
  } else if (!line.startsWith("d1 migrations apply ")) fail(`Unknown command ${line}`);
}

function named(name: string): { name: string } {
  return { name };
}

function deploy(args: readonly string[], note: (fact: Fact) => void): void {
  if (args.includes("--dry-run")) return;
  note({ kind: "worker" });
  const file = args[args.indexOf("--secrets-file") + 1];
  if (!args.includes("--secrets-file") || file === undefined) return;
  const secrets: Record<string, string> = JSON.parse(readFileSync(file, "utf8"));
  note({ kind: "upload", secrets, mode: statSync(file).mode & 0o777 });
  for (const name of Object.keys(secrets)) note({ kind: "secret", name });
}

/** Answers from a real SQLite with the project's own migrations. Loaded here, as in `serve`: it costs more than all else. */
async function query(before: readonly string[], sql: string): Promise<void> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(":memory:");
  const migrations = join(import.meta.dirname, "../../migrations");
  for (const file of readdirSync(migrations).toSorted()) database.exec(readFileSync(join(migrations, file), "utf8"));
  for (const statement of before) database.exec(statement);
  console.log(JSON.stringify([{ results: database.prepare(sql).all(), success: true, meta: {} }], null, 2));
}

async function serve(args: readonly string[], note: (request: string) => void): Promise<void> {
  const { createServer } = await import("node:http");
  const { values } = parseArgs({ args: [...args], strict: false, options: { ip: STRING, port: STRING } });
  const ip = String(values.ip);
  const server = createServer((request, response) => {
    note(`${request.method} ${request.url}`);
    if (request.url === "/exit") process.exit(3);
    response.end(JSON.stringify({ outcome: "ok" }));
  });
  server.listen(Number(values.port), ip, () => {
    const address = server.address();
    console.log("Ready");
    process.send?.(
      JSON.stringify({ event: "DEV_SERVER_READY", ip, port: typeof address === "object" ? address?.port : 0 }),
    );
  });
}

function fail(message: string): void {
  console.error(`✘ [ERROR] ${message}`);
  process.exitCode = 1;
}
