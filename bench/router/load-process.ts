/**
 * The producer, as a process of its own. Either an open loop: requests go out at a fixed rate, whatever the answers and however late they
 * come, and a latency is counted from when the request was to be sent; or a closed one, to find out how much is taken at most.
 */
import { Agent, request } from "node:http";
import { serve } from "../../scripts/rig/calls.ts";
import { eventText, payloads, type PayloadName } from "./payloads.ts";

export interface Load {
  /** Where to publish. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Names the run: ids are `<run>.<index>`. */
  readonly run: string;
  /** Events of a request. Over 1 they go as a batch. */
  readonly batch: number;
  readonly payload: PayloadName;
  /** Type and subject of each event, in turn. */
  readonly kinds: readonly { readonly type: string; readonly subject: string }[];
  /** Requests in all, at so many a second; or as many as these connections can make in that time, each after the answer to the one before. */
  readonly pace:
    | { readonly requests: number; readonly perSecond: number }
    | { readonly connections: number; readonly seconds: number; readonly requestsMax: number };
}

export interface Loaded {
  /** By request, Unix milliseconds with a fraction: when it was to be sent. */
  readonly intendedMs: Float64Array;
  /** How long after that it was answered with 202; NaN when it was not. */
  readonly ackMs: Float64Array;
  /** The first answer that was no 202. */
  readonly refused: string | null;
  /** From the first request to the last answer. */
  readonly seconds: number;
}

/** A router of today is far below what one process can keep open. */
const SOCKETS_MAX = 512;
const TIMEOUT_MS = 60_000;
const BODIES_BYTES_MAX = 200_000_000;

const now = (): number => performance.timeOrigin + performance.now();

function bodyOf({ run, batch, payload, kinds }: Load, index: number): string {
  const data = payloads(payload);
  const texts = Array.from({ length: batch }, (_, offset) => {
    const number = index * batch + offset;
    const kind = kinds[number % kinds.length];
    if (kind === undefined) throw new Error("A load has kinds of events");
    return eventText({ id: `${run}.${number}`, ...kind, data: data[number % data.length] ?? "null" });
  });
  return batch === 1 ? (texts[0] ?? "") : `[${texts.join(",")}]`;
}

async function publish(load: Load): Promise<Loaded> {
  const url = new URL(load.url);
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX, scheduling: "fifo" });
  const type = load.batch === 1 ? "application/cloudevents+json" : "application/cloudevents-batch+json";
  const { pace } = load;
  const countMax = "requests" in pace ? pace.requests : pace.requestsMax;
  const intendedMs = new Float64Array(countMax);
  const ackMs = new Float64Array(countMax).fill(Number.NaN);
  let refused: string | null = null;

  // Made before the time runs, as far as they have room: what they take would be latency.
  const bodies: Buffer[] = [];
  for (let bytes = 0; bodies.length < countMax && bytes < BODIES_BYTES_MAX; bytes += bodies.at(-1)?.byteLength ?? 0)
    bodies.push(Buffer.from(bodyOf(load, bodies.length)));

  function send(index: number, atMs: number): Promise<void> {
    intendedMs[index] = atMs;
    const body = bodies[index] ?? Buffer.from(bodyOf(load, index));
    const headers = { ...load.headers, "content-type": type, "content-length": body.byteLength };
    return new Promise((resolve) => {
      const failed = (why: string): void => {
        refused ??= why;
        resolve();
      };
      const call = request(url, { method: "POST", agent, headers, timeout: TIMEOUT_MS }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", (error) => failed(String(error)));
        response.on("end", () => {
          if (response.statusCode !== 202) return failed(`${response.statusCode} ${Buffer.concat(chunks).toString()}`);
          ackMs[index] = now() - atMs;
          resolve();
        });
      });
      call.on("timeout", () => call.destroy(new Error(`No answer within ${TIMEOUT_MS} ms`)));
      call.on("error", (error) => failed(String(error)));
      call.end(body);
    });
  }

  const beganMs = now();
  let sent = 0;
  if ("requests" in pace) {
    const answers: Promise<void>[] = [];
    while (sent < pace.requests) {
      const dueMs = beganMs + (sent * 1_000) / pace.perSecond;
      if (dueMs > now()) await new Promise((resolve) => setTimeout(resolve, dueMs - now()));
      answers.push(send(sent, dueMs));
      sent += 1;
    }
    await Promise.all(answers);
  } else {
    const untilMs = beganMs + pace.seconds * 1_000;
    await Promise.all(
      Array.from({ length: pace.connections }, async () => {
        while (now() < untilMs && sent < countMax && refused === null) {
          sent += 1;
          await send(sent - 1, now());
        }
      }),
    );
  }
  const seconds = (now() - beganMs) / 1_000;
  agent.destroy();
  return { intendedMs: intendedMs.slice(0, sent), ackMs: ackMs.slice(0, sent), refused, seconds };
}

const served = { publish };

export type LoadCalls = typeof served;

serve(served);
