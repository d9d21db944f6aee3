/** All sinks, as a process of their own: each answers so many milliseconds after it has the whole request, and notes when that was. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "../../scripts/rig/calls.ts";

/** Deliveries of one run in the order in which they came; a delivery that came twice is in it twice. */
export interface Received {
  /** Of the event within its run. */
  readonly index: Int32Array;
  readonly sink: Int32Array;
  /** Unix milliseconds with a fraction. */
  readonly atMs: Float64Array;
}

interface Arrivals {
  readonly index: number[];
  readonly sink: number[];
  readonly atMs: number[];
}

const HOST = "127.0.0.1";
/** Of an event's text: its id is within it. */
const HEAD_CHARS = 200;

const runs = new Map<string, Arrivals>();
const away = new Set<number>();
let latencyMs = 0;

function arrivalsOf(run: string): Arrivals {
  const known = runs.get(run);
  if (known !== undefined) return known;
  const made: Arrivals = { index: [], sink: [], atMs: [] };
  runs.set(run, made);
  return made;
}

function received(request: IncomingMessage, response: ServerResponse): void {
  const sink = Number(request.url?.slice(1));
  let head = "";
  request.on("data", (chunk: Buffer) => {
    if (head.length < HEAD_CHARS) head += chunk.toString("latin1", 0, HEAD_CHARS);
  });
  request.on("end", () => {
    const [, run, index] = /"id":"([^."]+)\.(\d+)"/.exec(head) ?? [];
    if (run === undefined || away.has(sink)) {
      response.writeHead(503).end();
      return;
    }
    const arrivals = arrivalsOf(run);
    arrivals.index.push(Number(index));
    arrivals.sink.push(sink);
    arrivals.atMs.push(performance.timeOrigin + performance.now());
    setTimeout(() => response.writeHead(200).end(), latencyMs);
  });
}

const served = {
  /** Resolves once it listens, with what a sink's number comes behind. */
  async start(options: { readonly latencyMs: number }): Promise<string> {
    latencyMs = options.latencyMs;
    const server = createServer({ keepAliveTimeout: 60_000 }, received);
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    return `http://${HOST}:${(server.address() as AddressInfo).port}/`;
  },

  /** Whether a sink answers 503 from now on. */
  setAway({ sink, isAway }: { readonly sink: number; readonly isAway: boolean }): void {
    if (isAway) away.add(sink);
    else away.delete(sink);
  },

  /** How many deliveries of the run have come. */
  count: (run: string): number => runs.get(run)?.index.length ?? 0,

  /** What came of the run, which is forgotten. */
  take(run: string): Received {
    const { index, sink, atMs } = arrivalsOf(run);
    runs.delete(run);
    return { index: Int32Array.from(index), sink: Int32Array.from(sink), atMs: Float64Array.from(atMs) };
  },
};

export type SinksCalls = typeof served;

serve(served);
