/** The live events of a bus, as `listen` and `tail` see them: those that are wanted, and a word on stderr when the stream breaks off. */
import type { Client } from "../../client/client.ts";
import { NetworkError, UnexpectedAnswerError } from "../../client/errors.ts";
import type { FollowedEvent } from "../../client/record.ts";
import { STREAM_REPLAY_MAX } from "../../core/limits.ts";
import { EXIT, Failure, failureOf } from "../failure.ts";
import type { Shell } from "../shell.ts";
import type { Patterns } from "./patterns.ts";

/** What is listened to. */
export interface Listening {
  readonly patterns: Patterns;
  readonly source: string | undefined;
  readonly subject: string | undefined;
  /** So many of the last events that are wanted come first. */
  readonly replay: number;
  /** Where to go on; null: with what comes from now on. */
  readonly from: string | null;
  readonly signal: AbortSignal;
  /** Told the position at which the stream begins, null while something is replayed first; when it rejects, nothing is listened to. */
  readonly onStart: (id: string | null) => Promise<void>;
}

/** One event of the stream, wanted or not: the position moves over both. */
export interface Heard extends FollowedEvent {
  readonly isWanted: boolean;
}

/**
 * Goes on for ever, over every outage, until the signal aborts.
 * @throws Failure when the router cannot be reached at the beginning: then the address is wrong, more likely than the network.
 */
export async function* listen(
  shell: Shell,
  client: Client,
  listening: Listening,
): AsyncGenerator<Heard, void, undefined> {
  const { out, reached } = shell;
  const { patterns, source, subject, from, signal } = listening;
  const ending = new AbortController();
  const failures: unknown[] = [];
  const fail = (error: unknown): void => {
    failures.push(error);
    ending.abort();
  };
  let isOpen = false;
  let isBroken = false;
  let started: Promise<void> = Promise.resolve();
  const onRetry = (error: unknown): void => {
    const told = failureOf(error, reached());
    if (!isOpen && !isBroken && (error instanceof NetworkError || error instanceof UnexpectedAnswerError)) {
      fail(new Failure(told.lines, EXIT.unreachable, { cause: error }));
    } else if (!isBroken) out.note(`fantail: ${told.lines.join("; ")}; trying again`);
    isBroken = true;
  };
  const onOpen = (id: string | null): void => {
    if (isBroken) out.note("fantail: connected again, going on where it broke off");
    if (!isOpen) started = listening.onStart(id).catch(fail);
    isOpen = true;
    isBroken = false;
  };
  const replay = from === null ? await replayOf(client, listening) : 0;
  const query = {
    ...(patterns.only === null ? {} : { type: patterns.only }),
    ...(source === undefined ? {} : { source }),
    ...(subject === undefined ? {} : { subject }),
    ...(replay === 0 ? {} : { replay }),
  };
  const stream = client.events.stream(query, {
    ...(from === null ? {} : { lastEventId: from }),
    signal: AbortSignal.any([signal, ending.signal]),
    onOpen,
    onRetry,
  });
  try {
    for await (const followed of stream) {
      await started;
      if (ending.signal.aborted) break;
      yield { ...followed, isWanted: patterns.matches(followed.event.type) };
    }
  } finally {
    await started;
  }
  if (failures.length > 0) throw failures[0];
}

/** How many of the last events have as many wanted ones among them: the router knows no patterns. */
async function replayOf(client: Client, { patterns, source, subject, replay }: Listening): Promise<number> {
  if (replay === 0 || patterns.isAll || patterns.only !== null) return replay;
  let seen = 0;
  let wanted = 0;
  const query = { ...(source === undefined ? {} : { source }), ...(subject === undefined ? {} : { subject }) };
  for await (const { type } of client.events.list({ ...query, limit: STREAM_REPLAY_MAX })) {
    seen += 1;
    if (patterns.matches(type)) wanted += 1;
    if (wanted === replay || seen === STREAM_REPLAY_MAX) break;
  }
  return seen;
}
