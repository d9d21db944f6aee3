/** `fantail publish`: events from options, a file, or stdin. */
import type { AcceptedEvent } from "../../client/errors.ts";
import { prepareEvent, type EventInput } from "../../client/event.ts";
import { systemRuntime } from "../../client/runtime.ts";
import { isJsonContentType } from "../../core/cloudevents/media-type.ts";
import { isList } from "../../core/json-value.ts";
import { IDEMPOTENCY_KEY_CHARS_MAX } from "../../core/limits.ts";
import { parseEventJson, placeOf, readBytes, readText } from "../documents.ts";
import { EXIT, problemLine, usage, type ExitCode } from "../failure.ts";
import { fileAt, flag, given, pairs, several, text, whole } from "../options.ts";
import type { Output } from "../output.ts";
import { publishLines } from "../publish-lines.ts";
import type { Command, Shell } from "../shell.ts";
import { clauseLines } from "./explain.ts";

export const publish: Command = (parser, run) =>
  parser.command(
    "publish [file]",
    "Publish an event, or many",
    (command) =>
      command
        .positional("file", fileAt("JSON of an event or an array of them, or NDJSON; - is stdin"))
        .option("type", text("What happened, like order.created: one event from options"))
        .option("data", { ...text("Its payload: JSON, or as it is with another --datacontenttype"), implies: "type" })
        .option("data-file", { ...text("Its payload from a file, - for stdin"), conflicts: "data", implies: "type" })
        .option("source", { ...text("Where it happened; else /buses/<bus>"), implies: "type" })
        .option("subject", { ...text("What it happened to"), implies: "type" })
        .option("id", { ...text("Its id: the same id and source are the same event"), implies: "type" })
        .option("time", { ...text("When it happened; else now"), implies: "type" })
        .option("datacontenttype", { ...text("Media type of the payload; else JSON"), implies: "type" })
        .option("dataschema", { ...text("What the payload adheres to: an absolute URI"), implies: "type" })
        .option("extension", { ...several("An extension attribute, name=value"), implies: "type" })
        .option("explain", flag("Of one event: also say which subscriptions take it, which nearly do, and why"))
        .option("ndjson", flag("The file has an event on each line; files that end in .ndjson or .jsonl do"))
        .option(
          "from-line",
          whole("--from-line", { min: 1, max: Number.MAX_SAFE_INTEGER }, "Of NDJSON: begin with this line"),
        )
        .option(
          "idempotency-key",
          text("Of NDJSON: events without an id get <key>.<line>, so that sending again repeats nothing"),
        )
        .example(`$0 publish --type order.created --subject eu/42 --data '{"total":120.10}'`, "")
        .example("$0 publish event.json", "")
        .example("$0 publish events.ndjson --idempotency-key import-1", "Any number of lines, with a progress bar")
        .example("tail -f app.log.ndjson | $0 publish --ndjson -", "Each line as it is written"),
    (args) =>
      run(args, async (shell) => {
        const { file } = args;
        if (args.type !== undefined) {
          if (file !== undefined) throw usage("Give a file, or --type and what goes with it, not both");
          return publishOne(shell, await fromOptions({ ...args, type: args.type }), args.explain);
        }
        if (file === undefined && process.stdin.isTTY)
          throw usage("What is to be published? Give --type, a file, or - for stdin");
        const from = file ?? "-";
        if (args.ndjson || /\.(ndjson|jsonl)$/i.test(from)) {
          if (args.explain) throw usage("--explain is for one event");
          return publishLines(shell, {
            file: from,
            fromLine: args["from-line"] ?? 1,
            idempotencyKey: seedOf(args["idempotency-key"]),
          });
        }
        return publishFile(shell, from, args.explain);
      }),
  );

interface EventOptions {
  readonly type: string;
  readonly data: string | undefined;
  readonly "data-file": string | undefined;
  readonly source: string | undefined;
  readonly subject: string | undefined;
  readonly id: string | undefined;
  readonly time: string | undefined;
  readonly datacontenttype: string | undefined;
  readonly dataschema: string | undefined;
  readonly extension: readonly string[] | undefined;
}

async function fromOptions(args: EventOptions): Promise<EventInput> {
  const { type, source, subject, id, time, datacontenttype, dataschema, extension } = args;
  return {
    type,
    ...given({ source, subject, id, time, datacontenttype, dataschema, data: await dataOf(args) }),
    ...(extension === undefined ? {} : { extensions: pairs(extension, "--extension") }),
  };
}

async function dataOf(args: EventOptions): Promise<unknown> {
  const isJson = args.datacontenttype === undefined || isJsonContentType(args.datacontenttype);
  const file = args["data-file"];
  if (file !== undefined) return isJson ? parseEventJson(await readText(file), placeOf(file)) : readBytes(file);
  return args.data === undefined || !isJson ? args.data : parseEventJson(args.data, "--data");
}

function seedOf(key: string | undefined): string | null {
  if (key === undefined) return null;
  if (!/^[!-~]+$/.test(key) || key.length > IDEMPOTENCY_KEY_CHARS_MAX)
    throw usage(`--idempotency-key must be 1 to ${IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters`);
  return key;
}

async function publishFile(shell: Shell, file: string, isExplained: boolean): Promise<ExitCode> {
  const place = placeOf(file);
  const value = parseEventJson(await readText(file), place);
  if (!isList(value)) return publishOne(shell, checked(value, place), isExplained);
  if (isExplained) throw usage("--explain is for one event");
  return publishMany(
    shell,
    value.map((event, index) => checked(event, `${place}: events[${index}]`)),
  );
}

/** @throws Failure on what is no event, before anything is sent. */
function checked(event: unknown, place: string): EventInput {
  try {
    prepareEvent(event, place, { source: "/", runtime: systemRuntime });
  } catch (error) {
    if (error instanceof TypeError) throw usage(error.message, error);
    throw error;
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `prepareEvent` has just found it to be one
  return event as EventInput;
}

async function publishOne({ client, out }: Shell, event: EventInput, explain: boolean): Promise<ExitCode> {
  const accepted = await (await client()).publish(checked(event, "The event"), { explain });
  out.answer(accepted, () => acceptedLines(accepted, out));
  return EXIT.ok;
}

function acceptedLines(accepted: AcceptedEvent, out: Output): readonly string[] {
  const { event_id, id, matched, subscription_ids, explain, unexplained } = accepted;
  const takers = subscription_ids.length === 0 ? "" : `: ${subscription_ids.join(", ")}`;
  const lines = [`${out.paint("good", "accepted")}  ${event_id}  id ${id}  matched ${matched}${takers}`];
  if (explain === undefined) return lines;
  if (explain === null) return [...lines, "The database did not answer: nothing is explained"];
  return [
    ...lines,
    ...explain.flatMap((one) => [
      `${one.subscription_id} ${one.matched ? out.paint("good", "takes it") : out.paint("bad", "does not take it")}`,
      ...clauseLines(one.explain, out),
    ]),
    ...(unexplained === undefined || unexplained === 0 ? [] : [`${unexplained} more are not explained`]),
  ];
}

async function publishMany({ client, out }: Shell, events: readonly EventInput[]): Promise<ExitCode> {
  const summary = await (await client()).publish(events);
  for (const [index, outcome] of summary.events.entries())
    if (outcome.status === "rejected") out.note(`fantail: events[${index}]: ${problemLine(outcome.problem)}`);
  out.answer(summary, () => [`${summary.accepted} accepted, ${summary.rejected} rejected`]);
  return summary.rejected === 0 ? EXIT.ok : EXIT.failed;
}
