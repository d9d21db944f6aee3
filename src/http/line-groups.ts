/**
 * The lines of a body in groups, each to be confirmed together: while one is being confirmed the next is gathered, so that a line waits
 * for nothing but the group before its own, and many that come fast share a confirmation. Reads ahead by one group and no further.
 */
import { BATCH_EVENTS_MAX, NDJSON_CHUNK_BYTES_MAX, NDJSON_LINE_BYTES_MAX, NDJSON_LINES_MAX } from "../core/limits.ts";
import { lineSplitter, type Line } from "../core/ndjson.ts";
import { refusal } from "../core/problem.ts";
import { atMost } from "../core/words.ts";
import type { BodySource } from "./body-source.ts";
import type { HttpRefusal } from "./problem.ts";

/** A line that is not blank. */
export type EventLine = Line & { readonly kind: "line" };

/** Why no lines come after the last group. */
export interface LinesEnd {
  /** Null when the body came to its end. */
  readonly refused: HttpRefusal | null;
  /** Number of the first line that is in no group. */
  readonly nextLine: number;
}

export interface LineGroups {
  /** The lines that have come, at least one; or the end. One call at a time. */
  next(): Promise<readonly [EventLine, ...EventLine[]] | LinesEnd>;
}

const nobodyWaits = (): void => {};

/** The groups of what the source has. */
export function lineGroups(source: BodySource): LineGroups {
  const splitter = lineSplitter({ lineBytesMax: NDJSON_LINE_BYTES_MAX, linesMax: NDJSON_LINES_MAX });
  const gathered: { lines: EventLine[]; bytes: number; end: LinesEnd | null } = { lines: [], bytes: 0, end: null };
  let isSpent = false;
  let gathering = Promise.resolve();
  let isGathering = false;
  let arrived = nobodyWaits;

  const isFull = (): boolean => gathered.lines.length >= BATCH_EVENTS_MAX || gathered.bytes >= NDJSON_CHUNK_BYTES_MAX;

  async function readMore(): Promise<void> {
    const next = await source.read();
    if (!next.ok) gathered.end = { refused: next.error, nextLine: splitter.number };
    else if (next.value !== null) splitter.push(next.value);
    else {
      isSpent = true;
      splitter.end();
    }
  }

  async function gather(): Promise<void> {
    while (gathered.end === null && !isFull()) {
      const line = splitter.next();
      if (line?.kind === "line") {
        gathered.lines.push(line);
        gathered.bytes += line.bytes.byteLength;
        arrived();
      } else if (line !== null) {
        gathered.end = { refused: refusalOf(line), nextLine: line.number };
        await source.cancel();
      } else if (isSpent) gathered.end = { refused: null, nextLine: splitter.number };
      else await readMore();
    }
    isGathering = false;
  }

  function goOn(): Promise<void> {
    if (isGathering) return gathering;
    isGathering = true;
    gathering = gather();
    // A failure is for whoever asks for a line, now or next.
    gathering.catch(() => {});
    return gathering;
  }

  return {
    async next() {
      while (gathered.lines.length === 0 && gathered.end === null) {
        const { promise, resolve } = Promise.withResolvers<void>();
        arrived = resolve;
        await Promise.race([goOn(), promise]);
      }
      const [first, ...rest] = gathered.lines;
      if (first === undefined) return gathered.end ?? { refused: null, nextLine: splitter.number };
      gathered.lines = [];
      gathered.bytes = 0;
      void goOn();
      return [first, ...rest];
    },
  };
}

function refusalOf({ kind, number }: Exclude<Line, EventLine>): HttpRefusal {
  const detail =
    kind === "too-long"
      ? `Line ${number} ${atMost(NDJSON_LINE_BYTES_MAX, "bytes")}`
      : `The body ${atMost(NDJSON_LINES_MAX, "lines")}`;
  return refusal("payload-too-large", detail);
}
