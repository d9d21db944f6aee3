/**
 * A real HTTP server that stands in for consumers' webhooks: each key below `/s/` answers as a test programs it and records
 * what came. It decides answers and keeps records; it never touches the router or its database. It runs in the Node process
 * of the test runner, so that tests inside workerd reach it over the network as a Worker reaches a sink.
 *
 *   ANY    /s/<key>/…                       a webhook
 *   PUT    /control/<key>                   `Program`: replaces what is left of the script
 *   GET    /control/<key>                   `SinkState`
 *   GET    /control/<key>/wait?count&timeoutMs[&arrived]  the same once `count` requests have ended (or arrived), else with 408
 *   DELETE /control/<key>                   forgets the key and cuts its open connections
 *   GET    /control, DELETE /control        concurrency over all keys, and its reset
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { TestProject } from "vitest/node";

/** How one request is answered. Without any of it: 200 and an empty body, at once. */
export interface Step {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A body of so many bytes, in place of `body`. */
  readonly bodyBytes?: number;
  /** A body as base64, in place of `body`: bytes that no text has. */
  readonly bodyBase64?: string;
  /** A body that goes on as long as the client takes it. */
  readonly endless?: true;
  /** These characters as bytes, in place of an HTTP answer, then the end of the connection. */
  readonly raw?: string;
  /** The wait before anything of this step happens, after the request's body has been read. */
  readonly delayMs?: number;
  /** Nothing is answered until the client goes. */
  readonly hang?: true;
  /** The connection is reset without an answer. */
  readonly reset?: true;
  /** Status and headers are sent, then nothing until the client goes. */
  readonly hangBody?: true;
  /** The body comes as `chunks` pieces of `bytes` bytes, one each `everyMs`. */
  readonly drip?: { readonly chunks: number; readonly bytes: number; readonly everyMs: number };
}

/** The steps of `script` are used once each, in order of arrival, then `default` for good. */
export interface Program {
  readonly script?: readonly Step[];
  readonly default?: Step;
}

export interface SinkRequest {
  /** Unix milliseconds with a fraction: arrival of the headers. */
  readonly at: number;
  /** When the answer was sent or the connection ended; null while it is open. */
  readonly endedAt: number | null;
  readonly method: string;
  /** Path and query, `/s/<key>` included. */
  readonly url: string;
  /** Names in lower case; values of a repeated name joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBase64: string;
  /** The status that was sent; null when none was. */
  readonly status: number | null;
  /** Bytes of the answer that the connection took, up to the moment when it ended. */
  readonly sentBytes: number;
}

export interface Concurrency {
  /** Requests open at this moment. */
  readonly concurrentNow: number;
  /** The most that were open at a time, since the start or the reset. */
  readonly concurrentMax: number;
}

export interface SinkState extends Concurrency {
  /** In order of arrival. */
  readonly requests: readonly SinkRequest[];
}

declare module "vitest" {
  export interface ProvidedContext {
    /** Base URL of the sinks, without a trailing slash. */
    sinkUrl: string;
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Counter = Mutable<Concurrency>;

/** The state of one key. `changed` holds what long polls re-check whenever a request arrives or ends. */
interface Sink extends Counter {
  script: Step[];
  default: Step;
  readonly requests: Mutable<SinkRequest>[];
  readonly open: Set<ServerResponse>;
  readonly changed: Set<() => void>;
}

const WAIT_MS_DEFAULT = 10_000;
const PATH = /^\/(s|control)(?:\/([A-Za-z0-9._-]+))?(\/.*)?$/;

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

function newSink(): Sink {
  return {
    script: [],
    default: {},
    requests: [],
    open: new Set(),
    changed: new Set(),
    concurrentNow: 0,
    concurrentMax: 0,
  };
}

function enter(counter: Counter): void {
  counter.concurrentNow += 1;
  counter.concurrentMax = Math.max(counter.concurrentMax, counter.concurrentNow);
}

function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headersDistinct).map(([name, values]) => [name, (values ?? []).join(", ")]),
  );
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function bodyOf({ body, bodyBytes, bodyBase64 }: Step): string | Buffer | undefined {
  if (bodyBase64 !== undefined) return Buffer.from(bodyBase64, "base64");
  return bodyBytes === undefined ? body : "x".repeat(bodyBytes);
}

async function drip(response: ServerResponse, pieces: NonNullable<Step["drip"]>): Promise<void> {
  for (let sent = 0; sent < pieces.chunks && !response.destroyed; sent += 1) {
    response.write("x".repeat(pieces.bytes));
    await delay(pieces.everyMs);
  }
}

/** It never ends by itself: the client goes. */
function pour(response: ServerResponse): void {
  const piece = Buffer.alloc(65_536, "x");
  const more = () => {
    while (!response.destroyed && response.write(piece));
  };
  response.on("drain", more);
  more();
}

async function play(step: Step, response: ServerResponse, record: Mutable<SinkRequest>): Promise<void> {
  if (step.delayMs !== undefined) await delay(step.delayMs);
  if (step.hang || response.destroyed) return;
  if (step.reset) {
    response.socket?.resetAndDestroy();
    return;
  }
  if (step.raw !== undefined) {
    response.socket?.end(step.raw, "latin1");
    return;
  }
  record.status = step.status ?? 200;
  response.writeHead(record.status, { ...step.headers });
  if (step.hangBody) {
    response.flushHeaders();
    return;
  }
  if (step.endless) {
    pour(response);
    return;
  }
  if (step.drip) await drip(response, step.drip);
  response.end(bodyOf(step));
}

/** Records the request in `sink` and answers it by the next step. Never rejects: a client that goes is on record as ended. */
async function receive(request: IncomingMessage, response: ServerResponse, sink: Sink, all: Counter): Promise<void> {
  const record: Mutable<SinkRequest> = {
    at: nowMs(),
    endedAt: null,
    method: request.method ?? "",
    url: request.url ?? "",
    headers: headersOf(request),
    bodyBase64: "",
    status: null,
    sentBytes: 0,
  };
  const { socket } = request;
  const sentBefore = socket.bytesWritten;
  const step = sink.script.shift() ?? sink.default;
  sink.requests.push(record);
  sink.open.add(response);
  enter(sink);
  enter(all);

  const end = () => {
    if (record.endedAt !== null) return;
    record.endedAt = nowMs();
    record.sentBytes = socket.bytesWritten - sentBefore;
    sink.open.delete(response);
    sink.concurrentNow -= 1;
    all.concurrentNow -= 1;
    notify(sink);
  };
  response.once("finish", end);
  response.once("close", end);
  notify(sink);

  try {
    record.bodyBase64 = (await read(request)).toString("base64");
    await play(step, response, record);
  } catch {
    response.destroy();
  }
}

function notify(sink: Sink): void {
  for (const check of sink.changed) check();
}

function answer(response: ServerResponse, status: number, body?: unknown): void {
  // A sink that answers raw ends its connection; a client that keeps one for the next request would now and then find it so.
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function stateOf(sink: Sink): SinkState {
  return {
    requests: sink.requests,
    concurrentNow: sink.concurrentNow,
    concurrentMax: sink.concurrentMax,
  };
}

function wait(response: ServerResponse, sink: Sink, query: URLSearchParams): void {
  const count = Number(query.get("count") ?? 1);
  const arrived = query.has("arrived");
  const finish = (status: number) => {
    clearTimeout(timer);
    sink.changed.delete(check);
    answer(response, status, stateOf(sink));
  };
  const check = () => {
    const there = arrived ? sink.requests.length : sink.requests.filter(({ endedAt }) => endedAt !== null).length;
    if (there >= count) finish(200);
  };
  const timer = setTimeout(() => finish(408), Number(query.get("timeoutMs") ?? WAIT_MS_DEFAULT));
  sink.changed.add(check);
  response.once("close", () => {
    clearTimeout(timer);
    sink.changed.delete(check);
  });
  check();
}

/** A program comes from a test's own typed call, so only its JSON form is looked at: a step that is no object is a mistake. */
function programOf(text: string): Program | null {
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) return null;
  const script = value["script"] ?? [];
  const last = value["default"] ?? {};
  return Array.isArray(script) && script.every(isRecord) && isRecord(last) ? { script, default: last } : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

class Sinks {
  readonly #sinks = new Map<string, Sink>();
  readonly #all: Counter = { concurrentNow: 0, concurrentMax: 0 };

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://sinks");
    const [, room, key, rest] = PATH.exec(url.pathname) ?? [];
    if (room === "s" && key !== undefined) return receive(request, response, this.#sink(key), this.#all);
    if (room !== "control") return answer(response, 404);
    const body = (await read(request)).toString("utf8");
    if (key === undefined) return this.#overAll(request, response);
    if (request.method === "GET" && rest === "/wait") return wait(response, this.#sink(key), url.searchParams);
    if (rest !== undefined) return answer(response, 404);
    return this.#control(key, response, { method: request.method, body });
  }

  #sink(key: string): Sink {
    const sink = this.#sinks.get(key) ?? newSink();
    this.#sinks.set(key, sink);
    return sink;
  }

  #overAll(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === "DELETE") this.#all.concurrentMax = this.#all.concurrentNow;
    answer(response, 200, this.#all);
  }

  #control(
    key: string,
    response: ServerResponse,
    command: { readonly method: string | undefined; readonly body: string },
  ): void {
    if (command.method === "GET") return answer(response, 200, stateOf(this.#sink(key)));
    if (command.method === "DELETE") {
      for (const open of this.#sinks.get(key)?.open ?? []) open.destroy();
      this.#sinks.delete(key);
      return answer(response, 204);
    }
    if (command.method !== "PUT") return answer(response, 405);
    const program = programOf(command.body);
    if (program === null) return answer(response, 400, { detail: "A program is {script: [step], default: step}" });
    const sink = this.#sink(key);
    sink.script = [...(program.script ?? [])];
    sink.default = program.default ?? {};
    answer(response, 204);
  }
}

/** Starts the sinks on a free loopback port. `stop` cuts every open connection. */
export async function startSinks(): Promise<{
  readonly url: string;
  readonly stop: () => Promise<void>;
}> {
  const sinks = new Sinks();
  const server = createServer((request, response) => {
    sinks.handle(request, response).catch((error: unknown) => answer(response, 400, { detail: String(error) }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The sinks have no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The test runner's global setup: one server for the whole run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, stop } = await startSinks();
  project.provide("sinkUrl", url);
  return stop;
}
