/**
 * A request body as it comes: bounded while it is read, never after. Decides nothing about what is in it. A source is asked for the next
 * bytes only when somebody wants them, so that a slow reader slows its sender down.
 */
import { refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { atMost } from "../core/words.ts";
import type { HttpRefusal } from "./problem.ts";

export interface BodySource {
  /** The next bytes, null at the end. Refused: what comes cannot be read on. One call at a time. */
  read(): Promise<Result<Uint8Array | null, HttpRefusal>>;
  /** Nobody wants the rest. A `read` under way ends soon. */
  cancel(): Promise<void>;
}

/** How many bytes a body may have, and how its refusal ends: the limit's name, if it is one that somebody set. */
export interface BodyLimit {
  readonly bytesMax: number;
  readonly of?: string;
}

/** The refusal of a body, or of what else has that limit, that is over it. */
export function tooLarge({ bytesMax, of: name }: BodyLimit, what = "body"): HttpRefusal {
  const limit = name === undefined ? "" : `, the ${name}`;
  return refusal("payload-too-large", `The ${what} ${atMost(bytesMax, "bytes")}${limit}`);
}

/** The producer went away in the middle: it is not our failure. */
export const brokeOff = refusal("malformed-body", "The body broke off before its end");

/** The body of a request that has none. */
export const NO_BODY: BodySource = { read: async () => ok(null), cancel: async () => {} };

/** A body as it comes in. */
export function streamed(body: ReadableStream<Uint8Array>): BodySource {
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  return {
    async read() {
      try {
        const { value } = await reader.read();
        return ok(value ?? null);
      } catch {
        return err(brokeOff);
      }
    },
    // A body that broke off cannot be cancelled, and need not be.
    cancel: () => reader.cancel().catch(() => {}),
  };
}

/** The source up to the limit, then its refusal; what is over is not asked for. */
export function bounded(source: BodySource, limit: BodyLimit): BodySource {
  let left = limit.bytesMax;
  let isOver = false;
  return {
    async read() {
      if (isOver) return err(tooLarge(limit));
      const next = await source.read();
      if (!next.ok || next.value === null) return next;
      const { value: bytes } = next;
      isOver = bytes.byteLength > left;
      if (isOver) await source.cancel();
      const fitting = bytes.subarray(0, left);
      left -= fitting.byteLength;
      return ok(fitting);
    },
    cancel: () => source.cancel(),
  };
}
