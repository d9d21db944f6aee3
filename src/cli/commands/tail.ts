/** `fantail tail`: events as they are published. */
import { STREAM_REPLAY_MAX } from "../../core/limits.ts";
import { EXIT, type ExitCode } from "../failure.ts";
import { eventLine } from "../listen/event-line.ts";
import { patternsOf } from "../listen/patterns.ts";
import { listen } from "../listen/stream.ts";
import { list, text, whole } from "../options.ts";
import type { Command, Shell } from "../shell.ts";
import { stopSignal } from "../signals.ts";
import { configuredBus } from "../state/planning.ts";

export const tail: Command = (parser, run) =>
  parser.command(
    "tail",
    "Show events as they are published",
    (command) =>
      command
        .option("types", list("Only these event types; * is any text, as in order.*"))
        .option("source", text("Only of this source"))
        .option("subject", text("Only with this subject"))
        .option("replay", whole("--replay", { min: 0, max: STREAM_REPLAY_MAX }, "The last so many come first"))
        .example("$0 tail --types 'order.*' --replay 10", "")
        .example("$0 tail --json | jq .event.data", "The events themselves"),
    (args) =>
      run(args, (shell) =>
        show(shell, { types: args.types ?? [], source: args.source, subject: args.subject, replay: args.replay ?? 0 }),
      ),
  );

interface Asked {
  readonly types: readonly string[];
  readonly source: string | undefined;
  readonly subject: string | undefined;
  readonly replay: number;
}

/** Prints each event until somebody ends it. */
export async function show(shell: Shell, { types, ...asked }: Asked): Promise<ExitCode> {
  const { out } = shell;
  const signal = stopSignal();
  const patterns = patternsOf(types);
  const client = await shell.client();
  const bus = await configuredBus(shell);
  const onStart = async (): Promise<void> => out.note(`Ready: events of bus ${bus} are shown as they are published`);
  let shown = 0;
  for await (const { event, json, isWanted } of listen(shell, client, {
    ...asked,
    patterns,
    from: null,
    signal,
    onStart,
  })) {
    if (!isWanted) continue;
    out.eachJson(json, () => eventLine(event, out));
    shown += 1;
  }
  out.note(`${shown} events`);
  return EXIT.ok;
}
