/**
 * Stands in for wrangler: knows one account, kept as JSON in the file `FANTAIL_STUB_ACCOUNT`, answers the way wrangler 4
 * answers, and notes each command. It never touches the network beyond the local port that `dev` is told to use.
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

/** The account, and what happened to it. */
export interface Account {
  readonly loggedIn: boolean;
  readonly databases: readonly string[];
  readonly queues: readonly string[];
  /** null: the Worker does not exist. */
  readonly secrets: readonly string[] | null;
  /** The command that starts so fails, and does nothing. */
  readonly failing: string | null;
  /** Each command so far, in order, as one line. */
  readonly commands: readonly string[];
  /** The contents and the permission bits of the last secrets file. */
  readonly uploaded: { readonly secrets: Readonly<Record<string, string>>; readonly mode: number } | null;
  /** What `dev` was asked: method and path. */
  readonly requests: readonly string[];
}

/** An account in which nothing was ever made. */
export const NEW_ACCOUNT: Account = {
  loggedIn: true,
  databases: [],
  queues: [],
  secrets: null,
  failing: null,
  commands: [],
  uploaded: null,
  requests: [],
};

const accountFile = process.env["FANTAIL_STUB_ACCOUNT"];
if (accountFile !== undefined) run(accountFile, process.argv.slice(2));

function run(path: string, args: readonly string[]): void {
  const read = (): Account => JSON.parse(readFileSync(path, "utf8"));
  const change = (changes: Partial<Account>) => writeFileSync(path, JSON.stringify({ ...read(), ...changes }));
  const line = args.join(" ");
  const account = read();
  change({ commands: [...account.commands, line] });
  if (account.failing !== null && line.startsWith(account.failing)) return fail("Something broke [code: 10000]");

  const name = args.at(-1) ?? "";
  if (line === "whoami --json") {
    if (!account.loggedIn) process.exitCode = 1;
    console.log(JSON.stringify({ loggedIn: account.loggedIn }));
  } else if (line === "d1 list --json") {
    console.log(
      JSON.stringify(
        account.databases.map((database) => ({ uuid: "0", name: database })),
        null,
        2,
      ),
    );
  } else if (line.startsWith("d1 create ")) {
    if (account.databases.includes(name)) return fail("A database with that name already exists");
    change({ databases: [...account.databases, name] });
  } else if (line.startsWith("queues info ")) {
    if (!account.queues.includes(name))
      fail(`Queue "${name}" does not exist. To create it, run: wrangler queues create`);
  } else if (line.startsWith("queues create ")) {
    if (account.queues.includes(name)) return fail(`Queue name '${name}' is already taken. [code: 11009]`);
    change({ queues: [...account.queues, name] });
  } else if (line.startsWith("secret list")) {
    if (account.secrets === null) return fail('Worker "fantail" not found.');
    console.log(JSON.stringify(account.secrets.map((secret) => ({ name: secret, type: "secret_text" }))));
  } else if (args[0] === "deploy") {
    const file = args[args.indexOf("--secrets-file") + 1];
    if (!args.includes("--secrets-file") || file === undefined) return;
    const secrets: Record<string, string> = JSON.parse(readFileSync(file, "utf8"));
    const uploaded = { secrets, mode: statSync(file).mode & 0o777 };
    change({ uploaded, secrets: [...(account.secrets ?? []), ...Object.keys(secrets)] });
  } else if (args[0] === "dev") {
    serve(args, (request) => change({ requests: [...read().requests, request] }));
  } else if (!line.startsWith("d1 migrations apply ")) {
    fail(`Unknown command ${line}`);
  }
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
