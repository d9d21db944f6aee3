/** `fantail listen`: events of a bus pushed to a local server, as Fantail would push them. */
import { randomBytes } from "node:crypto";
import type { FollowedEvent } from "../../client/record.ts";
import { SECRET_BYTES_DEFAULT, STREAM_REPLAY_MAX, TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX } from "../../core/limits.ts";
import { newSecret, parseSecret } from "../../core/signature.ts";
import { FORMATS, type Format } from "../../core/subscription.ts";
import { EXIT, usage, type ExitCode } from "../failure.ts";
import { forwardedLine, forwardedRow } from "../listen/event-line.ts";
import { forward, inTurn, type Forwarding } from "../listen/forwarding.ts";
import { patternsOf } from "../listen/patterns.ts";
import { createPosition, readPosition, writePosition, type Position } from "../listen/position.ts";
import { targetUrl } from "../listen/push.ts";
import { listen, type Listening } from "../listen/stream.ts";
import { flag, list, oneOf, text, whole } from "../options.ts";
import type { Command, Shell } from "../shell.ts";
import { stopSignal } from "../signals.ts";
import { configuredBus } from "../state/planning.ts";
import { show } from "./tail.ts";

const CONCURRENCY_MAX = 5;

export const listening: Command = (parser, run) =>
  parser.command(
    "listen",
    "Push events to a server on this machine, signed; catch up after an outage",
    (command) =>
      command
        .option("forward-to", {
          ...text("Where to, like http://localhost:3000/hooks; without it they are only shown"),
          alias: "f",
        })
        .option("types", list("Only these event types; * is any text, as in order.*"))
        .option("source", text("Only of this source"))
        .option("subject", text("Only with this subject"))
        .option("replay", whole("--replay", { min: 0, max: STREAM_REPLAY_MAX }, "The last so many come first"))
        .option("format", { ...oneOf(FORMATS, "What the server receives"), default: "structured" as const })
        .option("secret", text("Sign with this, whsec_…; else one is made, and shown"))
        .option(
          "concurrency",
          whole(
            "--concurrency",
            { min: 1, max: CONCURRENCY_MAX },
            "Events at a time; else 1, in the order of the record",
          ),
        )
        .option(
          "timeout-ms",
          whole(
            "--timeout-ms",
            { min: 100, max: TIMEOUT_MS_MAX },
            `How long the server may take; else ${TIMEOUT_MS_DEFAULT}`,
          ),
        )
        .option("retry", flag("Try each event until the server answers 2xx; else only a server that is away, for 4 s"))
        .option("state", text("Keep the position in this file, and go on from there the next time"))
        .example("$0 listen --forward-to localhost:3000/hooks", "")
        .example("$0 listen -f 3000/hooks --types 'order.*' --replay 10", "The last ten orders first"),
    (args) =>
      run(args, (shell) => {
        const chosen = {
          types: args.types ?? [],
          source: args.source,
          subject: args.subject,
          replay: args.replay ?? 0,
        };
        if (args["forward-to"] === undefined) {
          if (args.state !== undefined || args.secret !== undefined)
            throw usage("--state and --secret need --forward-to");
          return show(shell, chosen);
        }
        return forwardAll(shell, {
          ...chosen,
          to: args["forward-to"],
          format: args.format,
          secret: args.secret,
          concurrency: args.concurrency ?? 1,
          timeoutMs: args["timeout-ms"] ?? TIMEOUT_MS_DEFAULT,
          isStubborn: args.retry,
          state: args.state,
        });
      }),
  );

interface Asked {
  readonly types: readonly string[];
  readonly source: string | undefined;
  readonly subject: string | undefined;
  readonly replay: number;
  readonly to: string;
  readonly format: Format;
  readonly secret: string | undefined;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly isStubborn: boolean;
  readonly state: string | undefined;
}

async function forwardAll(shell: Shell, asked: Asked): Promise<ExitCode> {
  const { out } = shell;
  const { types, source, subject, replay, format, timeoutMs, isStubborn } = asked;
  const url = targetUrl(asked.to);
  if (url === null) throw usage("--forward-to must be an address like http://localhost:3000/hooks");
  const secret = secretOf(asked.secret);
  const client = await shell.client();
  const bus = await configuredBus(shell);
  const heard = { url: shell.reached()?.url ?? "", bus };
  const from = asked.state === undefined ? null : await readPosition(asked.state, heard);
  const position = createPosition(async (id) => {
    // What is replayed has none.
    if (asked.state !== undefined && id !== "") await writePosition(asked.state, heard, id);
  });
  const failing = new AbortController();
  const signal = AbortSignal.any([stopSignal(), failing.signal]);
  const onStart = async (id: string | null): Promise<void> => {
    const start = from ?? id;
    // Before anybody is told that it is ready: from here on nothing is missed.
    if (start !== null) await position.start(start);
    if (asked.secret === undefined) out.note(`Signing secret: ${secret}`);
    out.note(`Ready: events of bus ${bus} go to ${url}${from === null ? "" : ", from where it ended the last time"}`);
  };
  const forwarding = { target: { url, format, secret, timeoutMs, baseUrl: heard.url }, isStubborn, signal };
  const chosen: Listening = { patterns: patternsOf(types), source, subject, replay, from, signal, onStart };
  const totals = await pump(
    shell,
    { position, forwarding, places: inTurn(asked.concurrency, () => failing.abort()) },
    listen(shell, client, chosen),
  );
  out.note(
    `${totals.delivered} delivered, ${totals.failed} failed${totals.skipped === 0 ? "" : `, ${totals.skipped} erased`}`,
  );
  return EXIT.ok;
}

interface Pumping {
  readonly position: Position;
  readonly forwarding: Forwarding;
  readonly places: ReturnType<typeof inTurn>;
}

/** Takes events off the stream until that ends. One that is cut short by the end is not dealt with: its position stays. */
async function pump(shell: Shell, pumping: Pumping, stream: ReturnType<typeof listen>) {
  const { position, forwarding, places } = pumping;
  const totals = { delivered: 0, failed: 0, skipped: 0 };
  for await (const { isWanted, ...followed } of stream) {
    const step = position.begin(followed.id);
    await places.add(async () => {
      if (isWanted) {
        const outcome = await forwardOne(shell, followed, forwarding);
        if (outcome === null) return;
        totals[outcome] += 1;
      }
      await step.done();
    });
  }
  await places.end();
  return totals;
}

/** Null: it was cut short. */
async function forwardOne(
  { out }: Shell,
  followed: FollowedEvent,
  forwarding: Forwarding,
): Promise<"delivered" | "failed" | "skipped" | null> {
  const { event } = followed;
  if (event.event === null) {
    out.each(forwardedRow(event, null), () => `${event.event_id}  ${event.type}  is erased, or no longer kept`);
    return "skipped";
  }
  try {
    const forwarded = await forward(followed, forwarding);
    out.each(forwardedRow(event, forwarded), () => forwardedLine(event, forwarded, out));
    return forwarded.isDelivered ? "delivered" : "failed";
  } catch (error) {
    if (forwarding.signal.aborted) return null;
    throw error;
  }
}

function secretOf(given: string | undefined): string {
  if (given === undefined) return newSecret(randomBytes(SECRET_BYTES_DEFAULT));
  const parsed = parseSecret(given);
  if (!parsed.ok) throw usage(`--secret ${parsed.error}`);
  return given;
}
