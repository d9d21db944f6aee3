/**
 * The inflating of gzip bodies. A few bytes can stand for a thousand times as many, and workerd inflates all that is written before
 * anybody reads of it: so it is given little at a time, and nothing while what it made is not taken. Bounds nothing itself.
 */
import { DEFLATE_RATIO_MAX, INFLATE_PIECE_BYTES_MAX } from "../core/limits.ts";
import { refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { BodySource } from "./body-source.ts";
import type { HttpRefusal } from "./problem.ts";

/** Also of a second member, which RFC 1952 §2.2 allows and DecompressionStream refuses. */
const notGzip = err(refusal("malformed-body", "The body is not one whole gzip member, as content-encoding says"));

type Written = { readonly kind: "written"; readonly result: Result<null, HttpRefusal> };
type Inflated = { readonly kind: "inflated"; readonly result: Result<Uint8Array | null, HttpRefusal> };

/** What the gzip stream holds. At most some `bytesAhead` are inflated that nobody has asked for. */
export function inflated(source: BodySource, bytesAhead: number): BodySource {
  const pieceBytes = Math.max(1, Math.min(INFLATE_PIECE_BYTES_MAX, Math.floor(bytesAhead / DEFLATE_RATIO_MAX)));
  const { readable, writable } = new DecompressionStream("gzip");
  const input = inputOf(source, writable.getWriter(), pieceBytes);
  const output = outputOf(readable, pieceBytes * DEFLATE_RATIO_MAX);
  let reading: Promise<Inflated> | null = null;
  let writing: Promise<Written> | null = null;

  async function cancel(): Promise<void> {
    await Promise.all([source.cancel(), input.abort(), output.cancel()]);
  }

  async function read(): Promise<Result<Uint8Array | null, HttpRefusal>> {
    for (;;) {
      reading ??= output.next();
      if (!input.isClosed()) writing ??= input.next();
      // The reading comes first: while there is something to take, nothing is added to it.
      const first = await Promise.race(writing === null ? [reading] : [reading, writing]);
      if (first.kind === "written") {
        writing = null;
        if (!first.result.ok) return first.result;
        continue;
      }
      reading = null;
      if (!first.result.ok || first.result.value !== null) return first.result;
      // Its end may come before that of the body: nothing may follow.
      input.end();
      const written = await writing;
      writing = null;
      if (written !== null && !written.result.ok) return written.result;
      return (await input.isSpent()) ? ok(null) : notGzip;
    }
  }

  return {
    async read() {
      const result = await read();
      if (!result.ok) await cancel();
      return result;
    },
    cancel,
  };
}

/** The writing end: one piece of the source at a time, then the close. */
function inputOf(source: BodySource, writer: WritableStreamDefaultWriter<Uint8Array>, pieceBytes: number) {
  let rest: Uint8Array = new Uint8Array();
  let closed = false;
  let ended = false;

  /** What the source has next is to be written; or it is at its end. */
  async function take(): Promise<Result<null, HttpRefusal>> {
    const next = await source.read();
    if (!next.ok) return next;
    if (next.value === null) closed = true;
    else rest = next.value;
    return ok(null);
  }

  async function write(): Promise<Result<null, HttpRefusal>> {
    if (rest.byteLength === 0) {
      const taken = await take();
      if (!taken.ok) return taken;
    }
    if (ended) return rest.byteLength === 0 ? ok(null) : notGzip;
    const piece = rest.subarray(0, pieceBytes);
    rest = rest.subarray(piece.byteLength);
    try {
      if (closed) await writer.close();
      // Its own bytes: a runtime may take away the buffer of what it is given.
      else if (piece.byteLength > 0) await writer.write(piece.slice());
      return ok(null);
    } catch {
      return notGzip;
    }
  }

  return {
    isClosed: () => closed,
    /** The gzip stream is at its end: nothing is written any more. */
    end: () => void (ended = true),
    next: async (): Promise<Written> => ({ kind: "written", result: await write() }),
    /** Whether nothing is left to be written. */
    async isSpent(): Promise<boolean> {
      while (rest.byteLength === 0 && !closed) {
        if (!(await take()).ok) return false;
      }
      return rest.byteLength === 0;
    },
    abort: () => writer.abort().catch(() => {}),
  };
}

/** The reading end. In workerd one read takes all that a write made, into memory that is used again; elsewhere reads hold up writes. */
function outputOf(readable: ReadableStream<Uint8Array>, bytesMax: number) {
  const take = wholeReads(readable, bytesMax) ?? plainReads(readable);
  return {
    async next(): Promise<Inflated> {
      try {
        return { kind: "inflated", result: ok(await take.read()) };
      } catch {
        return { kind: "inflated", result: notGzip };
      }
    },
    cancel: () => take.cancel().catch(() => {}),
  };
}

interface Reads {
  read(): Promise<Uint8Array | null>;
  cancel(): Promise<void>;
}

function wholeReads(readable: ReadableStream<Uint8Array>, bytesMax: number): Reads | null {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = readable.getReader({ mode: "byob" });
  } catch {
    return null;
  }
  let room = new ArrayBuffer(bytesMax);
  return {
    async read() {
      const { done, value } = await reader.read(new Uint8Array(room));
      if (done) return null;
      const taken = value.slice();
      room = value.buffer;
      return taken;
    },
    cancel: () => reader.cancel(),
  };
}

function plainReads(readable: ReadableStream<Uint8Array>): Reads {
  const reader = readable.getReader();
  return {
    async read() {
      const { value } = await reader.read();
      return value ?? null;
    },
    cancel: () => reader.cancel(),
  };
}
