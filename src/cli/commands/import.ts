/** `fantail import`: a filter of another service as one of Fantail's, offline. */
import { stringify } from "yaml";
import { parseWanted } from "../../core/filters/read-filters.ts";
import { importFilters, type ImportRequest } from "../../core/import/import-filters.ts";
import type { Wanted } from "../../core/subscription.ts";
import { placeOf, readDocument } from "../documents.ts";
import { EXIT, Failure } from "../failure.ts";
import { fileAt, flag, given, oneOf, pairs, several, text } from "../options.ts";
import type { Command, Shell } from "../shell.ts";

const SERVICES = ["eventbridge", "sns", "eventgrid"] as const;

export const importing: Command = (parser, run) =>
  parser.command(
    "import <service> <file>",
    "Translate a filter of EventBridge, SNS or Event Grid",
    (command) =>
      command
        .positional("service", { choices: SERVICES, demandOption: true, describe: "Whose filter it is" })
        .positional("file", { ...fileAt("The rule, policy or filter as JSON, - for stdin"), demandOption: true })
        .option("name", { ...text("Of the subscription that is printed"), default: "imported" })
        .option("attribute", several("EventBridge and SNS: the attribute that a name is put in, name=attribute"))
        .option("scope", oneOf(["MessageAttributes", "MessageBody"], "SNS: the FilterPolicyScope"))
        .option(
          "schema",
          oneOf(["EventGridSchema", "CloudEventSchemaV1_0"], "Event Grid: which schema it was written for"),
        )
        .option("without-arrays", flag("Event Grid: no event has an array where the filter looks"))
        .example("$0 import eventbridge rule.json", "")
        .example("aws sns get-subscription-attributes … | $0 import sns - --attribute store=tenant", ""),
    (args) =>
      run(args, (shell) =>
        translate(shell, { ...args, file: args.file ?? "-", name: args.name, withoutArrays: args["without-arrays"] }),
      ),
  );

interface Asked {
  readonly service: (typeof SERVICES)[number];
  readonly file: string;
  readonly name: string;
  readonly attribute: readonly string[] | undefined;
  readonly scope: string | undefined;
  readonly schema: string | undefined;
  readonly withoutArrays: boolean;
}

async function translate({ out }: Shell, asked: Asked): Promise<void> {
  const { value } = await readDocument(asked.file);
  const imported = importFilters(requestOf(asked, value));
  const place = placeOf(asked.file);
  if (!imported.ok)
    throw new Failure(
      imported.error.map(({ detail }) => `${place}: ${detail}`),
      EXIT.failed,
    );
  const wanted = parseWanted(imported.value);
  if (!wanted.ok)
    throw new Failure(
      wanted.error.map(({ detail }) => `${place}: In what this would be here, ${detail}`),
      EXIT.failed,
    );
  const { notes } = imported.value;
  out.answer({ ...wanted.value, notes }, () => snippet(asked.name, wanted.value, notes));
}

function requestOf({ service, attribute, scope, schema, withoutArrays }: Asked, value: unknown): ImportRequest {
  const attributes = attribute === undefined ? undefined : pairs(attribute, "--attribute");
  switch (service) {
    case "eventbridge":
      return { from: service, rule: value, ...given({ attributes }) };
    case "sns":
      return { from: service, policy: value, ...given({ attributes, scope }) };
    case "eventgrid":
      return { from: service, filter: value, ...given({ schema }), no_arrays: withoutArrays };
  }
}

/** A part of `fantail.yaml`; the notes stand above it. */
function snippet(name: string, { types, source, filters }: Wanted, notes: readonly string[]): readonly string[] {
  const members = {
    sink: "https://example.com/hooks",
    ...(types === null ? {} : { types }),
    ...(source === null ? {} : { source }),
    ...(filters.length === 0 ? {} : { filters }),
  };
  return [
    ...notes.map((note) => `# ${note}`),
    ...stringify({ subscriptions: { [name]: members } }, { lineWidth: 0 })
      .trimEnd()
      .split("\n"),
  ];
}
