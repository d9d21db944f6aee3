/** A publish of NDJSON that is sent and read a line at a time, as a test says. */

export interface LineStream {
  /** To be sent as the body. */
  readonly body: ReadableStream<Uint8Array>;
  write(text: string): void;
  end(): void;
  /** The connection breaks off. */
  breakOff(): void;
  /** Whether the reader of the body has gone. */
  isCancelled(): boolean;
}

export function lineStream(): LineStream {
  const encoder = new TextEncoder();
  let cancelled = false;
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (own) => void (controller = own),
    cancel() {
      cancelled = true;
    },
  });
  return {
    body,
    write: (text) => controller?.enqueue(encoder.encode(text)),
    end: () => controller?.close(),
    breakOff: () => controller?.error(new Error("gone")),
    isCancelled: () => cancelled,
  };
}

/** Reads the lines of an answer one by one. */
export function answerLines(response: Response) {
  // Without a pipe, which would read ahead.
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let isDone = false;
  return {
    /** The next line, undefined at the end. Of whatever shape: an expectation fails on a wrong one. */
    async next(): Promise<ReturnType<typeof JSON.parse>> {
      while (!text.includes("\n") && !isDone) {
        const chunk = await reader?.read();
        isDone = chunk?.done ?? true;
        text += decoder.decode(chunk?.value, { stream: true });
      }
      const [line, ...rest] = text.split("\n");
      text = rest.join("\n");
      return line === undefined || line === "" ? undefined : JSON.parse(line);
    },
    async rest(): Promise<ReturnType<typeof JSON.parse>[]> {
      const lines: ReturnType<typeof JSON.parse>[] = [];
      for (let line = await this.next(); line !== undefined; line = await this.next()) lines.push(line);
      return lines;
    },
    cancel: async () => reader?.cancel(),
  };
}
