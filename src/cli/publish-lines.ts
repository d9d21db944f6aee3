/** Events of NDJSON, published as they are read: one request, answered while it is sent, in memory that does not grow with the file. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { prepareEvent, type EventInput } from "../client/event.ts";
import { systemRuntime } from "../client/runtime.ts";
import { isMembers } from "../core/json-value.ts";
import { EVENT_BYTES_MAX, NDJSON_LINE_BYTES_MAX } from "../core/limits.ts";
import { lineSplitter, type Line } from "../core/ndjson.ts";
import { parseEventJson, unreadable } from "./documents.ts";
import { EXIT, Failure, failureOf, problemLine, usage, type ExitCode } from "./failure.ts";
import { progressLine } from "./progress.ts";
import type { Shell } from "./shell.ts";
import { stopSignal } from "./signals.ts";

export interface LinesInput {
  /** A path, or `-` for stdin. */
  readonly file: string;
  /** Lines before this are passed over; from 1. */
  readonly fromLine: number;
  /** Events without an id get `<this>.<line>`; null: each gets a new one. */
  readonly idempotencyKey: string | null;
}

/** A line whose event is on its way. */
interface Sent {
  readonly line: number;
  /** Bytes of the file up to its end. */
  readonly end: number;
}

interface Count {
  accepted: number;
  rejected: number;
}

const DRAW_EVERY_MS = 100;
/** A router that is started anew meanwhile is waited for, half a minute or so: much may be done already. */
const RETRIES = 8;

/**
 * Publishes each line. A line that is refused, here or by the router, is told on stderr with its number, and stops none of the others.
 * @throws Failure when the rest cannot be published; it names the line to go on with.
 */
export async function publishLines(shell: Shell, input: LinesInput): Promise<ExitCode> {
  const { out } = shell;
  const client = await shell.client();
  // A wrong address or key is told at once, before that patience.
  await client.session.get();
  const total = await sizeOf(input.file);
  const count: Count = { accepted: 0, rejected: 0 };
  const sent: Sent[] = [];
  let read = input.fromLine - 1;
  const startedMs = systemRuntime.now();
  const draw = drawer(shell, { total, startedMs });
  const reject = (line: number, told: string, problem: unknown) => {
    count.rejected += 1;
    out.note(`fantail: line ${line}: ${told}`);
    out.row({ line, status: "rejected", problem });
  };
  const events = eventsOf(input, { sent, reject, onLine: (line) => (read = line) });
  try {
    for await (const outcome of client.publishStream(events, { as: "lines", retries: RETRIES, signal: stopSignal() })) {
      const { line = 0, end = 0 } = sent.shift() ?? {};
      if (outcome.status === "rejected") reject(line, problemLine(outcome.problem), outcome.problem);
      else {
        count.accepted += 1;
        out.row({ line, ...outcome });
      }
      draw(end, count);
    }
  } catch (error) {
    out.progress("");
    throw interrupted(error, shell, { count, next: sent[0]?.line ?? read + 1 });
  } finally {
    // Somebody may go on writing to it, and the process would wait for that.
    if (input.file === "-") process.stdin.destroy();
  }
  out.progress("");
  const summary = { status: "done", ...count };
  out.each(summary, () => told(count));
  return count.rejected === 0 ? EXIT.ok : EXIT.failed;
}

const told = ({ accepted, rejected }: Count): string =>
  `${accepted.toLocaleString("en")} accepted, ${rejected.toLocaleString("en")} rejected`;

function interrupted(error: unknown, shell: Shell, at: { readonly count: Count; readonly next: number }): Failure {
  const cause = causeOf(error);
  const isStopped = cause instanceof DOMException && cause.name === "AbortError";
  const failure = isStopped ? new Failure("Stopped", EXIT.failed) : failureOf(cause, shell.reached());
  const rest = `${told(at.count)}; go on with --from-line ${at.next}`;
  return new Failure(`${failure.lines.join("; ")}: ${rest}`, failure.exitCode, {
    problem: failure.problem,
    cause: error,
  });
}

/** How many events wait for an answer says nothing to a person who is told the line. */
const causeOf = (error: unknown): unknown =>
  error instanceof Error && error.name === "PublishError" && error.cause !== undefined ? error.cause : error;

async function sizeOf(file: string): Promise<number | null> {
  if (file === "-") return null;
  const found = await stat(file).catch((error: unknown) => unreadable(file, error));
  return found.isFile() ? found.size : null;
}

function drawer({ out }: Shell, { total, startedMs }: { readonly total: number | null; readonly startedMs: number }) {
  let drawnMs = 0;
  return (done: number, count: Count): void => {
    const now = systemRuntime.now();
    if (!out.isWatched || now - drawnMs < DRAW_EVERY_MS) return;
    drawnMs = now;
    const perSecond = ((count.accepted + count.rejected) * 1_000) / Math.max(1, now - startedMs);
    out.progress(progressLine({ done, total, told: told(count), perSecond }));
  };
}

interface Hooks {
  readonly sent: Sent[];
  readonly reject: (line: number, told: string, problem: unknown) => void;
  readonly onLine: (line: number) => void;
}

async function* eventsOf(
  input: LinesInput,
  { sent, reject, onLine }: Hooks,
): AsyncGenerator<EventInput, void, undefined> {
  for await (const { line, end } of linesOf(input.file)) {
    if (line.kind === "too-many") throw usage(`${input.file} has too many lines`);
    if (line.kind === "too-long")
      throw new Failure(
        `line ${line.number} has over ${NDJSON_LINE_BYTES_MAX} bytes, an event has at most ${EVENT_BYTES_MAX}`,
        EXIT.usage,
      );
    if (line.number < input.fromLine) continue;
    onLine(line.number);
    const event = eventOf(line.bytes, line.number, input.idempotencyKey);
    if (typeof event === "string") reject(line.number, event, { title: "The line is no event", detail: event });
    else {
      sent.push({ line: line.number, end });
      yield event;
    }
  }
}

/** The event of a line, or what is wrong with it. */
function eventOf(bytes: Uint8Array, line: number, idempotencyKey: string | null): EventInput | string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const value = parseEventJson(text, "its text");
    const event =
      isMembers(value) && idempotencyKey !== null && !("id" in value)
        ? { ...value, id: `${idempotencyKey}.${line}` }
        : value;
    prepareEvent(event, "The event", CHECKED);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `prepareEvent` has just found it to be one
    return event as EventInput;
  } catch (error) {
    if (error instanceof Failure) return error.lines.join("; ");
    if (error instanceof TypeError) return "code" in error ? "It is not UTF-8" : error.message;
    throw error;
  }
}

/** What the check fills in is not sent. */
const CHECKED = { source: "/", runtime: systemRuntime };

async function* linesOf(file: string): AsyncGenerator<{ readonly line: Line; readonly end: number }, void, undefined> {
  const splitter = lineSplitter({ lineBytesMax: NDJSON_LINE_BYTES_MAX, linesMax: Number.MAX_SAFE_INTEGER });
  let end = 0;
  const found = function* () {
    for (let line = splitter.next(); line !== null; line = splitter.next()) {
      yield { line, end };
      if (line.kind !== "line") return;
    }
  };
  const stream = file === "-" ? process.stdin : createReadStream(file);
  for await (const chunk of stream) {
    const piece = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    end += piece.length;
    splitter.push(piece);
    yield* found();
  }
  splitter.end();
  yield* found();
}
