/**
 * Stands in for wrangler: knows one account, answers the way wrangler 4 answers, and notes each command. The account is a
 * file of facts, one a line, named by `FANTAIL_STUB_ACCOUNT`: commands run at the same time and only ever append. It never
 * touches the network beyond the local port that `dev` is told to use.
 */
import { appendFileSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";

/** One thing that is so in the account, or that happened to it. */
export type Fact =
  | { readonly kind: "database" | "queue" | "secret"; readonly name: string }
  | { readonly kind: "logged-out" | "worker" }
  /** Commands that start so fail and do nothing; the last such fact holds, and an empty one ends it. */
  | { readonly kind: "failing"; readonly command: string }
  | { readonly kind: "command"; readonly line: string }
  /** A secrets file, and its permission bits. */
  | { readonly kind: "upload"; readonly secrets: Readonly<Record<string, string>>; readonly mode: number }
  /** What `dev` was asked: method and path. */
  | { readonly kind: "request"; readonly line: string };

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
  else if (args[0] === "dev") serve(args, (request) => note({ kind: "request", line: request }));
  else if (!line.startsWith("d1 migrations apply ")) fail(`Unknown command ${line}`);
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

function serve(args: readonly string[], note: (request: string) => void): void {
  const port = Number(args.find((argument) => argument.startsWith("--port="))?.slice("--port=".length));
  const server = createServer((request, response) => {
    note(`${request.method} ${request.url}`);
    if (request.url === "/exit") process.exit(3);
    response.end(JSON.stringify({ outcome: "ok" }));
  });
  server.listen(port, "127.0.0.1", () => {
    const address = server.address();
    process.send?.(
      JSON.stringify({ event: "DEV_SERVER_READY", port: typeof address === "object" ? address?.port : 0 }),
    );
  });
}

function fail(message: string): void {
  console.error(`✘ [ERROR] ${message}`);
  process.exitCode = 1;
}
