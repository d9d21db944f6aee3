/** Compressed bytes, and bodies that come in pieces. */

export async function gzip(content: string | Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([content]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** So many zeros, compressed: a thousandth of what it stands for. */
export async function bomb(megabytes: number): Promise<Uint8Array<ArrayBuffer>> {
  let left = megabytes;
  const zeros = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (left-- === 0) controller.close();
      else controller.enqueue(new Uint8Array(1_000_000));
    },
  });
  return new Uint8Array(await new Response(zeros.pipeThrough(new CompressionStream("gzip"))).arrayBuffer());
}

/** What a sender noticed of its reader. */
export interface Sending {
  /** Bytes that were asked for. */
  pulled: number;
  cancelled: boolean;
}

/** A stream of the bytes in pieces of that size, each made when it is asked for. */
export function piecewise(
  bytes: Uint8Array,
  size: number,
  sending: Sending = { pulled: 0, cancelled: false },
): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      pull(controller) {
        if (sending.pulled >= bytes.byteLength) return controller.close();
        controller.enqueue(bytes.slice(sending.pulled, sending.pulled + size));
        sending.pulled += size;
      },
      cancel() {
        sending.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
}
