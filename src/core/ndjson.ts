/** Lines of newline-delimited JSON, out of bytes that come in any pieces. It looks for line feeds and never at what a line says. Pure. */
import { byteBuffer } from "./byte-buffer.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;
const NO_BYTES = new Uint8Array();

/** One line that is not blank, or why the lines end here. Numbers are from 1 and count blank lines. */
export type Line =
  /** Without its line feed; the first may have a byte order mark, each a carriage return at its end: white space to JSON. */
  | { readonly kind: "line"; readonly number: number; readonly bytes: Uint8Array }
  /** It has more bytes than a line may have, its line feed not counted. */
  | { readonly kind: "too-long"; readonly number: number }
  /** There are more lines than there may be. */
  | { readonly kind: "too-many"; readonly number: number };

export interface LineSplitter {
  /** Number of the line that `next` comes to next, blank or not. */
  readonly number: number;
  /** More bytes, when `next` has none left. They must not change. */
  push(piece: Uint8Array): void;
  /** There are no more bytes: what has no line feed behind it is a line too. */
  end(): void;
  /** The next line; null: there is none in what was pushed. After a line that is too long or too many it stays at that. */
  next(): Line | null;
}

/** Holds at most one line that has not ended, and the last piece. */
export function lineSplitter(limits: { readonly lineBytesMax: number; readonly linesMax: number }): LineSplitter {
  const { lineBytesMax, linesMax } = limits;
  /** The beginning of a line that came in pieces before. */
  const begun = byteBuffer();
  let piece: Uint8Array = NO_BYTES;
  let at = 0;
  let number = 1;
  let isEnded = false;

  function endOfLine(feed: number): Uint8Array {
    const rest = piece.subarray(at, feed < 0 ? piece.byteLength : feed);
    at = feed < 0 ? piece.byteLength : feed + 1;
    if (begun.length === 0) return rest;
    begun.append(rest);
    return begun.take();
  }

  return {
    get number() {
      return number;
    },
    push(more) {
      piece = more;
      at = 0;
    },
    end() {
      isEnded = true;
    },
    next() {
      for (;;) {
        const feed = piece.indexOf(LINE_FEED, at);
        const bytes = begun.length + (feed < 0 ? piece.byteLength : feed) - at;
        if (feed < 0 && bytes === 0) return null;
        if (number > linesMax) return { kind: "too-many", number };
        if (bytes > lineBytesMax) return { kind: "too-long", number };
        if (feed < 0 && !isEnded) {
          begun.append(piece.subarray(at));
          piece = NO_BYTES;
          at = 0;
          return null;
        }
        const line = endOfLine(feed);
        number += 1;
        if (!isBlank(line, number === 2)) return { kind: "line", number: number - 1, bytes: line };
      }
    },
  };
}

function isBlank(line: Uint8Array, isFirst: boolean): boolean {
  const hasMark = isFirst && BYTE_ORDER_MARK.every((byte, index) => line[index] === byte);
  for (let index = hasMark ? BYTE_ORDER_MARK.length : 0; index < line.byteLength; index++) {
    const byte = line[index];
    if (byte !== SPACE && byte !== TAB && byte !== CARRIAGE_RETURN) return false;
  }
  return true;
}
