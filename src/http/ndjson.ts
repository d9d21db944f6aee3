/**
 * `POST /v1/events` as `application/x-ndjson`: a line an event, each answered with a line as soon as it is confirmed, while others are
 * still being sent. The sender is read only as fast as it reads the answers. The last line tells how it ended, and where to go on.
 */
import type { Context } from "hono";
import { decodeLine, NDJSON } from "../core/cloudevents/request.ts";
import { charsetRefusal, parseMediaType, type MediaType } from "../core/cloudevents/media-type.ts";
import { ID_RANDOM_BYTES, timeOrderedId } from "../core/ids.ts";
import { NDJSON_BYTES_MAX } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err } from "../core/result.ts";
import { Unavailable } from "../ports.ts";
import { admit, lineRefusal, permitted, rateRefusal, type Admission } from "./admission.ts";
import { bodyOf } from "./body.ts";
import type { BodySource } from "./body-source.ts";
import { confirmed } from "./confirm.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { lineGroups, type EventLine, type LineGroups } from "./line-groups.ts";
import { MINIMAL_APPLIED } from "./prefer.ts";
import { causeOf, problem, problemOf } from "./problem.ts";
import { acceptedEntry, rejectedEntry, type Entry } from "./publish-answer.ts";
import type { PublishHeaders } from "./publish-headers.ts";

/** The media type of a request that is lines of events; null of any other, also of an event whose data are lines. */
export function linesTypeOf(headers: Headers): MediaType | null {
  const mediaType = parseMediaType(headers.get("content-type") ?? "");
  if (mediaType === null || headers.has("ce-specversion")) return null;
  return `${mediaType.type}/${mediaType.subtype}` === NDJSON ? mediaType : null;
}

/** Takes what the lines publish. What is wrong before the first of them is a problem; after that it is told in the last line. */
export async function publishLines(
  c: Context<HttpEnv>,
  deps: HttpDeps,
  { how, mediaType }: { readonly how: PublishHeaders; readonly mediaType: MediaType },
): Promise<Response> {
  const otherCharset = charsetRefusal(mediaType);
  if (otherCharset !== null) return problem(c, otherCharset);
  const body = bodyOf(c.req.raw, { bytesMax: NDJSON_BYTES_MAX });
  if (!body.ok) return problem(c, body.error);
  const headers = { "content-type": NDJSON, ...(how.minimal ? MINIMAL_APPLIED : {}) };
  return new Response(answerTo({ c, deps, how }, body.value), { headers });
}

interface Stream {
  readonly c: Context<HttpEnv>;
  readonly deps: HttpDeps;
  readonly how: PublishHeaders;
}

/** What became of a line. */
interface LineResult {
  readonly line: number;
  readonly entry: ReturnType<typeof acceptedEntry> | ReturnType<typeof rejectedEntry>;
}

/** Results of the lines of a group, or of a part of it: those of the parts before it have been given. */
type Results = AsyncGenerator<readonly LineResult[], void>;

/** Who reads the answer. */
interface Reader {
  isGone: boolean;
}

/** Made as it is read, and no sooner. */
function answerTo(stream: Stream, source: BodySource): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const reader: Reader = { isGone: false };
  const texts = answerLines(stream, source, reader);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await texts.next();
        if (reader.isGone) return;
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      async cancel() {
        // Before anything else: from here on the source may end in the middle of a line.
        reader.isGone = true;
        stream.c.env.background(Promise.allSettled([source.cancel(), texts.return()]));
      },
    },
    { highWaterMark: 0 },
  );
}

/** How far the lines have come: everything before `nextLine` is confirmed or rejected. */
interface Progress {
  accepted: number;
  rejected: number;
  nextLine: number;
}

type End = "done" | "hung-up" | Refusal;

/** The answer, a piece for each group of lines. Whatever happens, it ends with its last line, and with one in the log. */
async function* answerLines(stream: Stream, source: BodySource, reader: Reader): AsyncGenerator<string, void> {
  const { c, deps } = stream;
  const progress = { accepted: 0, rejected: 0, nextLine: 1 };
  let end: End = "hung-up";
  let failure: unknown = null;
  try {
    end = yield* confirmLines(stream, lineGroups(source), { progress, reader });
  } catch (error) {
    failure = error;
    end = refusalOf(error);
  } finally {
    log(deps, { request_id: c.var.requestId, ...totalsOf(progress) }, { end, failure });
  }
  if (end === "hung-up") return;
  if (end === "done") return yield textOf({ status: "done", ...totalsOf(progress) });
  c.env.background(source.cancel());
  const stopped = { next_line: progress.nextLine, problem: problemOf(end, c.var.requestId) };
  yield textOf({ status: "stopped", ...totalsOf(progress), ...stopped });
}

/** Confirms group after group, and tells of each. @throws Unavailable */
async function* confirmLines(
  stream: Stream,
  groups: LineGroups,
  { progress, reader }: { readonly progress: Progress; readonly reader: Reader },
): AsyncGenerator<string, End> {
  for (let isFirst = true; ; isFirst = false) {
    const group = await groups.next();
    if (reader.isGone) return "hung-up";
    if ("nextLine" in group) {
      progress.nextLine = group.nextLine;
      return group.refused ?? "done";
    }
    progress.nextLine = group[0].number;
    const admitted = await admitGroup(stream, isFirst);
    if (!admitted.ok) return admitted.error;
    for await (const results of resultsOf(stream, group, admitted.value)) {
      for (const { line, entry } of results) {
        progress[entry.status] += 1;
        progress.nextLine = line + 1;
      }
      const told = stream.how.minimal ? results.filter(({ entry }) => entry.status === "rejected") : results;
      if (told.length > 0) yield told.map(({ line, entry }) => textOf({ line, ...entry })).join("");
      if (reader.isGone) return "hung-up";
    }
  }
}

const totalsOf = ({ nextLine, accepted, rejected }: Progress) => ({ lines: nextLine - 1, accepted, rejected });
const textOf = (line: object): string => `${JSON.stringify(line)}\n`;

/** The key is asked for again with each group, and counted; the first was counted with the request. @throws Unavailable */
async function admitGroup({ c, deps }: Stream, isFirst: boolean): ReturnType<typeof admit> {
  const admitted = await admit(c, deps);
  if (!admitted.ok || isFirst) return admitted;
  const tooMany = await rateRefusal(deps, admitted.value.grant);
  return tooMany === null ? admitted : err(tooMany);
}

/** Confirms the group, in halves where its events match too many subscriptions in all. @throws Unavailable */
async function* resultsOf(stream: Stream, group: readonly EventLine[], admission: Admission): Results {
  const { c, deps, how } = stream;
  const decoded = group.map((line) => ({ line: line.number, entry: entryOf(stream, line, admission) }));
  const parts = [decoded];
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    const events = part.flatMap(({ entry }) => (entry.ok ? [entry.value] : []));
    // A part is a publish of its own: an event that comes again in a later one is a duplicate.
    const requestId = `${c.var.requestId}.${part[0]?.line ?? 0}`;
    const receipts = await confirmed(c, deps, { bus: admission.bus, hops: how.hops, events, requestId });
    if (!receipts.ok && part.length > 1) {
      const half = Math.ceil(part.length / 2);
      parts.unshift(part.slice(0, half), part.slice(half));
      continue;
    }
    const rest = receipts.ok ? receipts.value.values() : [].values();
    yield part.map(({ line, entry }) => {
      const refused = entry.ok ? (receipts.ok ? null : receipts.error) : entry.error;
      return {
        line,
        entry: refused === null ? acceptedEntry(rest.next().value) : rejectedEntry(refused, c.var.requestId),
      };
    });
  }
}

function entryOf({ deps, how }: Stream, { number, bytes }: EventLine, admission: Admission): Entry {
  const tooLong = lineRefusal(bytes, admission);
  if (tooLong !== null) return err(tooLong);
  const now = deps.clock.now();
  const decoded = decodeLine({
    body: bytes,
    bus: admission.bus,
    idempotencyKey: how.idempotencyKey === null ? null : `${how.idempotencyKey}.${number}`,
    freshId: timeOrderedId(now, deps.random.bytes(ID_RANDOM_BYTES)),
    now,
  });
  return decoded.ok ? permitted(decoded.value, admission, { pointer: "", trace: how.trace }) : decoded;
}

function refusalOf(error: unknown): Refusal {
  return error instanceof Unavailable
    ? refusal("unavailable", "Not everything from next_line on was confirmed; it may be sent again from there")
    : refusal("internal-error", "");
}

/** The request's own line in the log was written when its answer began. */
function log(
  { logger }: HttpDeps,
  counted: object,
  { end, failure }: { readonly end: End; readonly failure: unknown },
): void {
  const line = { ...counted, end: typeof end === "string" ? end : end.slug };
  if (failure === null) logger.info("publish.streamed", line);
  else if (failure instanceof Unavailable)
    logger.warn("publish.streamed", { ...line, error: String(failure), ...causeOf(failure) });
  else logger.error("publish.streamed", { ...line, error: failure instanceof Error ? failure.stack : "no error" });
}
