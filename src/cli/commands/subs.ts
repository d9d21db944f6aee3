/** `fantail subs`: what consumers want, and how they want it. */
import type { Argv } from "yargs";
import type { Subscription, SubscriptionCreate, SubscriptionPatch } from "../../client/api.ts";
import { isMembers } from "../../core/json-value.ts";
import { PACE_CONCURRENCY_MAX, TIMEOUT_MS_MAX, TIMEOUT_MS_MIN } from "../../core/limits.ts";
import { FORMATS } from "../../core/subscription.ts";
import { confirmed } from "../confirm.ts";
import { parseJson, readDocument } from "../documents.ts";
import { EXIT, usage, type ExitCode } from "../failure.ts";
import { flag, given, list, oneOf, pairs, several, text, whole } from "../options.ts";
import type { Command, CommonOptions, Shell } from "../shell.ts";
import { paintStatus } from "../statuses.ts";
import { details, table } from "../table.ts";

export const subs: Command = (parser, run) =>
  parser.command(
    "subs",
    "List, create, change, pause, resume and delete subscriptions",
    (group) =>
      group
        .command(
          "list",
          "List the subscriptions of the bus",
          (command) => command,
          (args) => run(args, listSubscriptions),
        )
        .command("get <id>", "Show a subscription", withId, (args) => run(args, (shell) => show(shell, args.id)))
        .command(
          "create",
          "Make a subscription; its signing secret is shown once",
          (command) =>
            withMembers(command)
              .option("paused", flag("Hold its deliveries until it is resumed"))
              .example(
                `$0 subs create --sink https://billing.example.com/hooks --types order.created --filter '{"prefix":{"subject":"eu/"}}'`,
                "",
              )
              .example("$0 subs create --file billing.json", "All members from a file, as the API takes them"),
          (args) => run(args, async (shell) => create(shell, { ...(await membersOf(args)), ...pausedOf(args.paused) })),
        )
        .command(
          "update <id>",
          "Change members of a subscription",
          (command) =>
            withMembers(withId(command))
              .option(
                "if-match",
                whole("--if-match", { min: 0, max: Number.MAX_SAFE_INTEGER }, "Only if this is still its version"),
              )
              .example("$0 subs update sub_… --types order.created,order.paid", ""),
          (args) => run(args, async (shell) => update(shell, args.id, await membersOf(args), args["if-match"])),
        )
        .command("pause <id>", "Hold what it takes", withId, (args) =>
          run(args, (shell) => update(shell, args.id, { status: "paused" })),
        )
        .command(
          "resume <id>",
          "Deliver again, also what was held",
          (command) =>
            withId(command)
              .option("from", text("What of the held goes out: last (all), latest (none), or a time"))
              .example("$0 subs resume sub_… --from latest", "Skip what was held"),
          (args) =>
            run(args, (shell) => update(shell, args.id, { status: "active", ...given({ resume_from: args.from }) })),
        )
        .command(
          "delete <id>",
          "Delete a subscription; its open deliveries are cancelled",
          (command) => withId(command).option("yes", { ...flag("Do not ask"), alias: "y" }),
          (args) => run(args, (shell) => remove(shell, args.id, args.yes)),
        )
        .demandCommand(1, "Which command? fantail subs --help lists them"),
    () => {},
  );

const withId = <T extends CommonOptions>(command: Argv<T>) =>
  command.positional("id", { type: "string", demandOption: true, describe: "The subscription, sub_…" });

const withMembers = <T extends CommonOptions>(command: Argv<T>) =>
  command
    .option("file", text("Members from a JSON or YAML file, - for stdin; options come before it"))
    .option("sink", text("The consumer's webhook"))
    .option("name", text("What people call it"))
    .option("types", list("Event types to take"))
    .option("source", text("The source to take"))
    .option("filter", several("A filter as JSON; all that are given must hold"))
    .option("header", several("A header for its requests, name=value"))
    .option("format", oneOf(FORMATS, "What the sink receives"))
    .option(
      "timeout-ms",
      whole("--timeout-ms", { min: TIMEOUT_MS_MIN, max: TIMEOUT_MS_MAX }, "How long an attempt may take"),
    )
    .option("rate", text("Pushes in a time, like 100/60s"))
    .option("concurrency", whole("--concurrency", { min: 1, max: PACE_CONCURRENCY_MAX }, "Open requests at a time"))
    .option("secret", text("Sign with this, whsec_…; else one is made"));

interface MemberOptions {
  readonly file: string | undefined;
  readonly sink: string | undefined;
  readonly name: string | undefined;
  readonly types: readonly string[] | undefined;
  readonly source: string | undefined;
  readonly filter: readonly string[] | undefined;
  readonly header: readonly string[] | undefined;
  readonly format: (typeof FORMATS)[number] | undefined;
  readonly "timeout-ms": number | undefined;
  readonly rate: string | undefined;
  readonly concurrency: number | undefined;
  readonly secret: string | undefined;
}

async function membersOf(args: MemberOptions): Promise<SubscriptionPatch> {
  const file = args.file === undefined ? {} : (await readDocument(args.file)).value;
  if (!isMembers(file)) throw usage(`${args.file ?? ""} must be an object of a subscription's members`);
  const members = given({
    sink: args.sink,
    name: args.name,
    types: args.types,
    source: args.source,
    filters: args.filter?.map((one) => parseJson(one, "--filter")),
    headers: args.header === undefined ? undefined : pairs(args.header, "--header"),
    format: args.format,
    timeout_ms: args["timeout-ms"],
    rate: args.rate === undefined ? undefined : rateOf(args.rate),
    concurrency: args.concurrency,
    secret: args.secret,
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what they hold is for the router to judge: it names each that is wrong
  return { ...file, ...members } as SubscriptionPatch;
}

const pausedOf = (isPaused: boolean): SubscriptionPatch => (isPaused ? { status: "paused" } : {});

function rateOf(rate: string): { readonly limit: number; readonly period_s: number } {
  const [, limit = "", period = ""] = /^(\d{1,9})\/(\d{1,6})s$/.exec(rate) ?? [];
  if (limit === "") throw usage("--rate must be pushes and seconds, like 100/60s");
  return { limit: Number(limit), period_s: Number(period) };
}

async function listSubscriptions({ client, out }: Shell): Promise<void> {
  const found: Subscription[] = [];
  for await (const one of (await client()).subscriptions.list()) found.push(one);
  out.answer(found, () =>
    found.length === 0
      ? ["There are no subscriptions"]
      : table<Subscription>(
          [
            { name: "id", of: ({ id }) => id },
            { name: "name", of: ({ name }) => name },
            { name: "status", of: ({ status }) => status, paint: (one, cell) => paintStatus(out, one.status, cell) },
            { name: "types", of: ({ types }) => (types === null || types.length === 0 ? null : types.join(",")) },
            { name: "filters", of: ({ filters }) => filters.length, isNumber: true },
            { name: "sink", of: ({ sink }) => sink },
          ],
          found,
        ),
  );
}

async function show({ client, out }: Shell, id: string): Promise<void> {
  const subscription = await (await client()).subscriptions.get(id);
  out.answer(subscription, () => details(subscriptionDetails(subscription)));
}

async function create({ client, out }: Shell, members: SubscriptionPatch): Promise<void> {
  const { sink } = members;
  if (sink === undefined) throw usage("A subscription needs a sink: give --sink, or a --file that has one");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as in `membersOf`
  const made = await (await client()).subscriptions.create({ ...members, sink } as SubscriptionCreate);
  const { secret } = made;
  out.answer(made, () => [...details(subscriptionDetails(made)), ...(secret === undefined ? [] : ["", secret])]);
  if (secret !== undefined && !out.isJson) out.note("The signing secret is shown this once: keep it.");
}

async function update({ client, out }: Shell, id: string, patch: SubscriptionPatch, ifMatch?: number): Promise<void> {
  if (Object.keys(patch).length === 0) throw usage("Nothing is to change: give an option or a --file");
  const api = await client();
  const changed = await api.subscriptions.update(id, patch, ifMatch === undefined ? {} : { ifMatch });
  out.answer(changed, () => details(subscriptionDetails(changed)));
}

async function remove({ client, out }: Shell, id: string, isYes: boolean): Promise<ExitCode> {
  const api = await client();
  if (!(await confirmed(`Delete ${id}? Its open deliveries are cancelled.`, isYes))) return EXIT.failed;
  await api.subscriptions.delete(id);
  out.answer({ id, deleted: true }, () => [`${id} is deleted`]);
  return EXIT.ok;
}

/** A subscription as `details` shows it. */
export const subscriptionDetails = (one: Subscription): readonly (readonly [string, string | number | null])[] => [
  ["subscription", one.id],
  ["name", one.name],
  ["bus", one.bus],
  ["status", one.status],
  ["sink", one.sink],
  ["types", one.types === null || one.types.length === 0 ? null : one.types.join(", ")],
  ["source", one.source],
  ...one.filters.map((filter, index) => [`filter ${index}`, JSON.stringify(filter)] as const),
  ["format", one.format],
  ["headers", Object.keys(one.headers ?? {}).join(", ") || null],
  ["timeout ms", one.timeout_ms],
  ["schedule s", one.retry.schedule_s.join(", ")],
  ["rate", one.rate === null ? null : `${one.rate.limit} in ${one.rate.period_s} s`],
  ["concurrency", one.concurrency],
  ["version", one.version],
  ["effective", one.effective_at],
];
