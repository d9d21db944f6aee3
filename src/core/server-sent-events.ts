/**
 * Server-sent events (HTML Living Standard §9.2): how they are written, and read piece by piece. Pure. No event loop of a browser: who reads decides
 * what a lost connection means.
 */

/** One event of a stream. */
export interface ServerSentEvent {
  /** Its type, `message` when the stream does not say. */
  readonly event: string;
  /** The last id that the stream gave, "" before the first. */
  readonly id: string;
  readonly data: string;
}

/**
 * As it is sent. Neither type nor id may have a line break; null: it has no id, and whoever reads keeps the one before. `retryMs` is how long to wait before
 * the connection is made again.
 */
export function writeServerSentEvent({
  event,
  id,
  data,
  retryMs,
}: Omit<ServerSentEvent, "id"> & { readonly id: string | null; readonly retryMs?: number }): string {
  const retry = retryMs === undefined ? "" : `retry: ${retryMs}\n`;
  // Each of the three is an end of line there; in JSON, which alone is sent, they are white space or not at all.
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  const named = id === null ? "" : `id: ${id}\n`;
  return `${retry}event: ${event}\n${named}${lines.join("")}\n`;
}

/**
 * A reader of one stream: gives the events that are whole with each piece of text. What the last piece leaves unfinished is no event (§9.2.6). `unread`
 * is how many characters of such an event it holds.
 */
export function serverSentEvents(): {
  readonly read: (piece: string) => readonly ServerSentEvent[];
  readonly unread: () => number;
} {
  let rest = "";
  let isFirst = true;
  let event = "";
  let id = "";
  let data: string[] = [];
  let held = 0;

  function readLine(line: string): ServerSentEvent | null {
    if (line === "") {
      const whole = data.length > 0 ? { event: event || "message", id, data: data.join("\n") } : null;
      [event, data, held] = ["", [], 0];
      return whole;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") event = value;
    if (name === "data") data.push(value);
    if (name === "id" && !value.includes("\0")) id = value;
    if (name === "data") held += value.length;
    return null;
  }

  return {
    unread: () => held + rest.length,
    read(piece) {
      rest += isFirst ? piece.replace(/^\uFEFF/, "") : piece;
      isFirst &&= piece === "";
      const events: ServerSentEvent[] = [];
      // A CR at the end may be half of a CRLF.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const whole = readLine(line);
        if (whole !== null) events.push(whole);
      }
      return events;
    },
  };
}
