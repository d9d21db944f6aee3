/**
 * The sinks, as a process of their own: what a path's first part names is how its requests are answered, the second part tells the
 * sinks of one kind apart. It counts what arrives by `webhook-id`, which no other part of the test has seen by then.
 *
 *   /ok/<name>?ms=20           200 after so long
 *   /flaky/<name>?every=4      503 to the first request of one delivery in four, by its id: too seldom for a breaker
 *   /hang/<name>?ms=15000      nothing until then, then 200; without `ms` nothing ever
 *   /thaws/<name>?ms=3000&first=6   the same to so many requests, then 200 at once
 *   /ill/<name>?ms=200         500 until it is told to be well, then 200; after so long
 *   … and the others of `BEHAVIOURS`
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { createGzip } from "node:zlib";
import { serve } from "../../scripts/rig/calls.ts";

/** What one sink has seen of one delivery. */
export interface Seen {
  readonly webhookId: string;
  /** `<kind>/<name>` */
  readonly sink: string;
  requests: number;
  /** Those that were answered 2xx with a whole body. */
  taken: number;
  /** Unix milliseconds with a fraction: arrival of the headers of the first request. */
  readonly firstMs: number;
}

/** What one sink has seen of all deliveries together. */
export interface Traffic {
  /** Of each request, as `firstMs`. */
  readonly arrivalsMs: number[];
  open: number;
  /** The most requests that were open at a time. */
  openMax: number;
  isWell: boolean;
}

/** What an event says of itself, as the headers of format `binary` have it. */
export interface Noticed {
  readonly type: string;
  readonly source: string;
  readonly subject: string;
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly seen: Seen;
  readonly traffic: Traffic;
}
type Behaviour = (asked: Asked) => Promise<void> | void;

/** Deliveries that are remembered: over it the test is wrong, and says so in place of filling the memory. */
const SEEN_MAX = 200_000;
/** A body that nobody reads through. */
const HUGE_BYTES = 100_000_000;
const CHUNK = Buffer.alloc(65_536, "x");
/** What the bomb inflates to: eight times what an isolate may hold. */
const BOMB_BYTES = 1_000_000_000;
const DRIP_MS = 100;
const REDIRECTS = [301, 302, 303, 307, 308] as const;

const seen = new Map<string, Seen>();
const traffic = new Map<string, Traffic>();
const noticed: Noticed[] = [];
let open = 0;
let overflows = 0;
let trapped = 0;
let trapUrl = "";
let redirects = 0;
let bomb: Buffer = Buffer.alloc(0);

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  async ok({ query, ...asked }) {
    await delay(Number(query.get("ms") ?? 0));
    take(asked);
  },
  flaky({ query, ...asked }) {
    const isUnlucky = asked.seen.webhookId.charCodeAt(10) % Number(query.get("every")) === 0;
    if (asked.seen.requests > 1 || !isUnlucky) take(asked);
    else asked.response.writeHead(503).end("not now");
  },
  async hang({ query, ...asked }) {
    if (!query.has("ms")) return;
    await delay(Number(query.get("ms")));
    take(asked);
  },
  async thaws({ query, ...asked }) {
    if (asked.traffic.arrivalsMs.length <= Number(query.get("first"))) await delay(Number(query.get("ms")));
    take(asked);
  },
  async ill({ query, ...asked }) {
    await delay(Number(query.get("ms") ?? 0));
    if (asked.traffic.isWell) take(asked);
    else asked.response.writeHead(500).end("not well");
  },
  /** Notes what comes. */
  notes(asked) {
    const header = (name: string) => String(asked.request.headers[`ce-${name}`]);
    noticed.push({ type: header("type"), source: header("source"), subject: header("subject") });
    take(asked);
  },
  /** No byte of an answer. */
  "reset-early": ({ response }) => void response.socket?.resetAndDestroy(),
  /** Half of what the headers promise. */
  "reset-late"({ response }) {
    response.writeHead(200, { "content-length": 200 });
    response.write("x".repeat(100), () => response.socket?.resetAndDestroy());
  },
  /** A byte now and then, so that the connection never seems idle. */
  async drip({ response }) {
    response.writeHead(200, { "content-type": "text/plain" });
    while (!response.destroyed) {
      response.write(".");
      await delay(DRIP_MS);
    }
  },
  /** As drip, but in the head of the answer, which HTTP libraries wait for without looking at a body. */
  async "drip-head"({ response }) {
    response.socket?.write("HTTP/1.1 200 OK\r\nx-drip: ");
    while (response.socket?.destroyed === false) {
      response.socket.write(".");
      await delay(DRIP_MS);
    }
  },
  endless: ({ response }) => pour(response, Number.POSITIVE_INFINITY, 500),
  huge({ response }) {
    response.setHeader("content-length", HUGE_BYTES);
    return pour(response, HUGE_BYTES, 500);
  },
  /** The same, and accepted: what a sink says beside its 2xx is of no interest. */
  async "huge-ok"({ response, seen: one }) {
    one.taken += 1;
    response.setHeader("content-length", HUGE_BYTES);
    await pour(response, HUGE_BYTES, 200);
  },
  bomb({ response }) {
    response.writeHead(500, { "content-encoding": "gzip", "content-length": bomb.length }).end(bomb);
  },
  /** With each status in turn. */
  redirect({ response }) {
    redirects += 1;
    response.writeHead(REDIRECTS[redirects % REDIRECTS.length] ?? 302, { location: trapUrl }).end();
  },
  garbage: ({ response }) => void response.socket?.end(randomBytes(4_096)),
  /** Begins as HTTP does. */
  "garbage-head": ({ response }) => void response.socket?.end("HTTP/1.1 2OO OK\r\n\u0000: \r\n\r\n"),
  /** More than any client should keep. */
  "huge-head": ({ response }) => void response.socket?.end(`HTTP/1.1 200 OK\r\nx: ${"x".repeat(4_000_000)}\r\n\r\n`),
  error: ({ response }) => void response.writeHead(500).end("a fault of ours"),
  refuse: ({ response }) => void response.writeHead(400).end("never"),
  gone: ({ response }) => void response.writeHead(410).end(),
  /** An hour. */
  later: ({ response }) => void response.writeHead(503, { "retry-after": "3600" }).end(),
};

function take({ response, seen: one }: Pick<Asked, "response" | "seen">): void {
  if (response.destroyed) return;
  one.taken += 1;
  response.writeHead(200).end("ok");
}

function trafficOf(sink: string): Traffic {
  const known = traffic.get(sink) ?? { arrivalsMs: [], open: 0, openMax: 0, isWell: false };
  traffic.set(sink, known);
  return known;
}

/** As fast as it is read, until nobody reads any more. */
async function pour(response: ServerResponse, bytes: number, status: number): Promise<void> {
  response.writeHead(status);
  const chunks = function* (): Generator<Buffer> {
    for (let left = bytes; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, Math.min(left, CHUNK.length));
  };
  // That it ends before its end is what is expected of a client.
  await pipeline(Readable.from(chunks()), response).catch(() => response.destroy());
}

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const firstMs = performance.timeOrigin + performance.now();
  const url = new URL(request.url ?? "/", "http://sinks");
  const [, kind = "", name = ""] = url.pathname.split("/");
  const webhookId = String(request.headers["webhook-id"]);
  const behaviour = BEHAVIOURS[kind];
  const one = seen.get(webhookId) ?? { webhookId, sink: `${kind}/${name}`, requests: 0, taken: 0, firstMs };
  if (behaviour === undefined || (!seen.has(webhookId) && seen.size >= SEEN_MAX)) {
    overflows += 1;
    response.writeHead(500).end();
    return;
  }
  seen.set(webhookId, one);
  one.requests += 1;
  open += 1;
  const mine = trafficOf(one.sink);
  mine.arrivalsMs.push(firstMs);
  mine.open += 1;
  mine.openMax = Math.max(mine.openMax, mine.open);
  response.once("close", () => {
    open -= 1;
    mine.open -= 1;
  });
  // A client that goes in between is what half of this is about.
  response.on("error", () => response.destroy());
  for await (const _ of request);
  await behaviour({ request, response, query: url.searchParams, seen: one, traffic: mine });
}

/** Small, and 1 GB when inflated. */
function makeBomb(): Promise<Buffer> {
  const zeros = Buffer.alloc(BOMB_BYTES / 1_000);
  return buffer(Readable.from(Array.from({ length: 1_000 }, () => zeros)).pipe(createGzip({ level: 9 })));
}

async function listen(server: Server): Promise<string> {
  // Idle connections stay open: one that the server ends while a request comes would look like a sink that fails.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The sinks have no port");
  return `http://127.0.0.1:${address.port}`;
}

const served = {
  /** Resolves with where they listen. */
  async start(): Promise<string> {
    bomb = await makeBomb();
    const trap = createServer((_request, response) => {
      trapped += 1;
      response.end();
    });
    trapUrl = `${await listen(trap)}/trap`;
    return listen(
      createServer((request, response) => {
        receive(request, response).catch(() => response.destroy());
      }),
    );
  },

  /** All deliveries that were seen. */
  seen: (): Seen[] => [...seen.values()],

  /** Of what comes from now on, it counts anew. */
  forget() {
    seen.clear();
    traffic.clear();
  },

  /** What came to the sink `<kind>/<name>`. */
  traffic: (sink: string): Traffic => trafficOf(sink),

  /** From now on that sink is well. */
  heal(sink: string): void {
    trafficOf(sink).isWell = true;
  },

  /** What the sinks that note have noted. */
  noticed: (): Noticed[] => noticed,

  /** Cheap enough to be asked all the time. `trapped`: requests that followed a redirect. */
  counts(): { requests: number; taken: number; open: number; trapped: number; overflows: number } {
    const sum = (member: "requests" | "taken") => seen.values().reduce((all, one) => all + one[member], 0);
    return { requests: sum("requests"), taken: sum("taken"), open, trapped, overflows };
  },
};

export type SinksCalls = typeof served;

serve(served);
