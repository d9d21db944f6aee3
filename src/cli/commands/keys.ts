/** `fantail keys`: who may do what on a bus. */
import type { Key, KeyCreate } from "../../client/api.ts";
import { KEY_OVERLAP_SECONDS_MAX } from "../../core/limits.ts";
import { systemRuntime } from "../../client/runtime.ts";
import { confirmed } from "../confirm.ts";
import { EXIT, usage, type ExitCode } from "../failure.ts";
import { flag, given, list, oneOf, text } from "../options.ts";
import type { Command, Shell } from "../shell.ts";
import { paintStatus } from "../statuses.ts";
import { details, table } from "../table.ts";
import { durationMs } from "../times.ts";

const SCOPES = ["publish", "read", "manage"] as const;

export const keys: Command = (parser, run) =>
  parser.command(
    "keys",
    "List, create, rotate and revoke keys",
    (group) =>
      group
        .command(
          "list",
          "List the keys of the bus",
          (command) => command,
          (args) => run(args, listKeys),
        )
        .command(
          "create",
          "Make a key; it is shown once",
          (command) =>
            command
              .option("name", text("What people call it"))
              .option("scopes", { ...list(`What it may do: ${SCOPES.join(", ")}`), demandOption: true })
              .option("types", list("Event types that it may publish, like order.*; of a key that can but publish"))
              .option("origins", list("Web origins whose pages may use it; of a key that can but publish"))
              .option("rate-limit", oneOf(["low", "standard", "high"], "Publishes in 10 s: 100, 1000 or 10000"))
              .option("expires-in", text("How long it is valid, like 30d"))
              .option("expires-at", { ...text("When it ends, like 2030-01-01T00:00:00Z"), conflicts: "expires-in" })
              .example("$0 keys create --name shop --scopes publish --types 'order.*'", "For a server that publishes")
              .example("$0 keys create --scopes read --expires-in 8h", "For a working day"),
          (args) =>
            run(args, (shell) =>
              create(shell, {
                scopes: scopesOf(args.scopes ?? []),
                ...given({
                  name: args.name,
                  types: args.types,
                  allowed_origins: args.origins,
                  rate_limit: args["rate-limit"],
                  expires_at: args["expires-at"] ?? endOf(args["expires-in"]),
                }),
              }),
            ),
        )
        .command(
          "rotate <id>",
          "Replace a key by a new one; the former ends after the overlap",
          (command) =>
            command
              .positional("id", { type: "string", demandOption: true, describe: "The key, key_…" })
              .option("overlap", text("How long the former key goes on, like 1h; else 24h"))
              .example("$0 keys rotate key_… --overlap 1h", ""),
          (args) => run(args, (shell) => rotate(shell, args.id, args.overlap)),
        )
        .command(
          "revoke <id>",
          "Revoke a key: it is refused everywhere five seconds later",
          (command) =>
            command
              .positional("id", { type: "string", demandOption: true, describe: "The key, key_…" })
              .option("yes", { ...flag("Do not ask"), alias: "y" })
              .example("$0 keys revoke key_… --yes", ""),
          (args) => run(args, (shell) => revoke(shell, args.id, args.yes)),
        )
        .demandCommand(1, "Which command? fantail keys --help lists them"),
    () => {},
  );

function scopesOf(scopes: readonly string[]): KeyCreate["scopes"] {
  const known = SCOPES.filter((scope) => scopes.includes(scope));
  if (known.length !== new Set(scopes).size) throw usage(`--scopes must be of ${SCOPES.join(", ")}`);
  return known;
}

const endOf = (expiresIn: string | undefined): string | undefined =>
  expiresIn === undefined
    ? undefined
    : new Date(systemRuntime.now() + durationMs(expiresIn, "--expires-in")).toISOString();

async function listKeys({ client, out }: Shell): Promise<void> {
  const found: Key[] = [];
  for await (const key of (await client()).keys.list()) found.push(key);
  out.answer(found, () =>
    found.length === 0
      ? ["There are no keys"]
      : table<Key>(
          [
            { name: "id", of: ({ id }) => id },
            { name: "name", of: ({ name }) => name },
            { name: "scopes", of: ({ scopes }) => scopes.join(",") },
            { name: "types", of: ({ types }) => types?.join(",") ?? null },
            { name: "status", of: ({ status }) => status, paint: (key, cell) => paintStatus(out, key.status, cell) },
            { name: "expires", of: (key) => key.expires_at },
            { name: "last used", of: (key) => key.last_used_at },
          ],
          found,
        ),
  );
}

async function create({ client, out }: Shell, key: KeyCreate): Promise<void> {
  const made = await (await client()).keys.create(key);
  out.answer(made, () => [...details(keyDetails(made)), "", made.key]);
  if (!out.isJson) out.note("The key is shown this once: keep it.");
}

async function rotate({ client, out }: Shell, id: string, overlap: string | undefined): Promise<void> {
  const seconds = overlap === undefined ? undefined : Math.ceil(durationMs(overlap, "--overlap") / 1_000);
  if (seconds !== undefined && seconds > KEY_OVERLAP_SECONDS_MAX)
    throw usage(`--overlap must be at most ${KEY_OVERLAP_SECONDS_MAX / 86_400}d`);
  const made = await (await client()).keys.rotate(id, seconds === undefined ? {} : { overlap_s: seconds });
  out.answer(made, () => [
    ...details([...keyDetails(made), ["replaces", made.replaces.id], ["which ends", made.replaces.expires_at]]),
    "",
    made.key,
  ]);
  if (!out.isJson) out.note("The key is shown this once: keep it.");
}

async function revoke({ client, out }: Shell, id: string, isYes: boolean): Promise<ExitCode> {
  const api = await client();
  if (!(await confirmed(`Revoke ${id}?`, isYes))) return EXIT.failed;
  await api.keys.revoke(id);
  out.answer({ id, revoked: true }, () => [`${id} is revoked`]);
  return EXIT.ok;
}

/** A key as `details` shows it. */
export const keyDetails = (key: Key): readonly (readonly [string, string | number | null])[] => [
  ["key", key.id],
  ["name", key.name],
  ["bus", key.bus],
  ["scopes", key.scopes.join(", ")],
  ["types", key.types?.join(", ") ?? null],
  ["origins", key.allowed_origins?.join(", ") ?? null],
  ["rate limit", key.rate_limit],
  ["status", key.status],
  ["expires", key.expires_at],
  ["last used", key.last_used_at],
  ["replaced by", key.replaced_by],
  ["created", key.created_at],
];
