/** Bytes that come in pieces, in one place. A piece costs what it has and nothing more, however small the pieces are. Pure. */

const FIRST_BYTES = 4_096;

export interface ByteBuffer {
  readonly length: number;
  append(piece: Uint8Array): void;
  /** What was appended since the last time, as bytes that nobody changes any more. */
  take(): Uint8Array<ArrayBuffer>;
}

/** An empty one. It grows by doubling, so that a body of single bytes is not copied once for each. */
export function byteBuffer(): ByteBuffer {
  let bytes = new Uint8Array();
  let length = 0;
  return {
    get length() {
      return length;
    },
    append(piece) {
      if (length + piece.byteLength > bytes.byteLength) {
        const grown = new Uint8Array(Math.max(length + piece.byteLength, 2 * bytes.byteLength, FIRST_BYTES));
        grown.set(bytes.subarray(0, length));
        bytes = grown;
      }
      bytes.set(piece, length);
      length += piece.byteLength;
    },
    take() {
      const taken = bytes.subarray(0, length);
      bytes = new Uint8Array();
      length = 0;
      return taken;
    },
  };
}
