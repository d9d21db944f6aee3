/** `fantail explain`: why a subscription takes an event on record, or does not. */
import type { EventExplained, ExplainedClause } from "../../client/api.ts";
import { harmless, type Output } from "../output.ts";
import type { Command, Shell } from "../shell.ts";

export const explain: Command = (parser, run) =>
  parser.command(
    "explain <event> <subscription>",
    "Say why a subscription takes an event, or does not",
    (command) =>
      command
        .positional("event", { type: "string", demandOption: true, describe: "The event, evt_…" })
        .positional("subscription", { type: "string", demandOption: true, describe: "The subscription, sub_…" })
        .example("$0 explain evt_… sub_…", "Each condition, with what the event has for it"),
    (args) => run(args, (shell) => tell(shell, args.event, args.subscription)),
  );

async function tell({ client, out }: Shell, event: string, subscription: string): Promise<void> {
  const explained = await (await client()).events.explain(event, subscription);
  out.answer(explained, () => lines(explained, out));
}

function lines(explained: EventExplained, out: Output): readonly string[] {
  const { matched, subscription_status: status, explain: clauses, delivery_id: delivery } = explained;
  const verdict = matched ? out.paint("good", "takes it") : out.paint("bad", "does not take it");
  return [
    `${explained.subscription_id} (${status}) ${verdict}`,
    ...(clauses.length === 0 ? ["  It has no conditions: everything is taken"] : clauseLines(clauses, out)),
    `  ${delivery === null ? "No delivery was made of it" : `Delivery ${delivery}`}`,
  ];
}

/** One line for each condition, indented. */
export const clauseLines = (clauses: readonly ExplainedClause[], out: Pick<Output, "paint">): readonly string[] =>
  clauses.map((clause) => {
    const mark = clause.matched ? out.paint("good", "✓") : out.paint("bad", "✗");
    const observed =
      "observed" in clause ? `the event has ${JSON.stringify(clause.observed)}` : "the event has nothing there";
    const holds = /\/(any|not|\$or)$/.test(clause.pointer);
    return `  ${mark} ${harmless(`${clause.pointer} wants ${JSON.stringify(clause.wanted)}${holds ? "" : `; ${observed}`}`)}`;
  });
