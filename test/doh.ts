/**
 * A real DNS over HTTPS resolver (RFC 8484, over plain HTTP) on loopback: it reads the questions that reach it and answers as a test
 * programs it. It knows DNS messages by itself, so that the router's own codec is held against another. Below each key:
 *
 *   GET /q/<key>?dns=…     a question
 *   PUT /control/<key>     `Zone`: replaces what is left of the replies
 *   GET /control/<key>     `Question[]`: what was asked, in order
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isIPv4 } from "node:net";
import type { TestProject } from "vitest/node";

export interface Question {
  readonly name: string;
  readonly type: "A" | "AAAA";
}

/** One answer. Without any of it: no error, and no record. */
export interface Reply {
  /** IPv4 or IPv6, whatever was asked. */
  readonly addresses?: readonly string[];
  /** Names that lead from the one that was asked to the one with the addresses. */
  readonly aliases?: readonly string[];
  /** The response code of DNS. */
  readonly code?: number;
  readonly truncated?: true;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes in place of the message. */
  readonly bodyBase64?: string;
  /** Nothing is answered, or the head only, until the client goes. */
  readonly hang?: "head" | "body";
  /** The connection is reset without an answer. */
  readonly reset?: true;
}

/** Replies to questions of each type: used once each, the last for good. */
export type Zone = Partial<Readonly<Record<Question["type"], readonly Reply[]>>>;

declare module "vitest" {
  export interface ProvidedContext {
    /** Base URL of the resolver, without a trailing slash. */
    dohUrl: string;
  }
}

const TYPES = { A: 1, AAAA: 28 } as const;
const CNAME = 5;

export function encodeName(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.from(label, "ascii"));
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])]);
}

export function encodeAddress(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  // The parser writes an IPv4 tail as groups, and the longest run of zeros as `::`.
  const [head = "", tail = ""] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groupsOf = (half: string) => half.split(":").filter((group) => group !== "");
  const [first, last] = [groupsOf(head), groupsOf(tail)];
  const groups = [...first, ...Array<string>(8 - first.length - last.length).fill("0"), ...last];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}

/** A record in class IN that lives for a minute; the name as it stands in the message. */
export function encodeRecord(name: Buffer, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(60, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([name, fixed, data]);
}

/** A message that answers the question, which is the whole message that asked, with these records. */
export function encodeAnswer(
  question: Uint8Array,
  records: readonly Buffer[],
  { code = 0, truncated = false }: { readonly code?: number; readonly truncated?: boolean } = {},
): Buffer {
  const head = Buffer.from(question);
  head.writeUInt16BE(0x81_80 | (truncated ? 0x02_00 : 0) | code, 2);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, ...records]);
}

/** Aliases from the name that was asked (which stands at byte 12), then the addresses of the last of them. */
export function addressRecords({ aliases = [], addresses = [] }: Reply): Buffer[] {
  const names = [Buffer.from([0xc0, 12]), ...aliases.map(encodeName)];
  const last = names.at(-1) ?? Buffer.alloc(0);
  return [
    ...aliases.map((alias, index) => encodeRecord(names[index] ?? last, CNAME, encodeName(alias))),
    ...addresses.map((address) => encodeRecord(last, isIPv4(address) ? TYPES.A : TYPES.AAAA, encodeAddress(address))),
  ];
}

/** @throws Error when it is not one plain question for addresses, with recursion and the id 0. */
export function readQuestion(message: Buffer): Question {
  if (message.subarray(0, 12).toString("hex") !== "000001000001000000000000")
    throw new Error("A header of another kind");
  const labels: string[] = [];
  let at = 12;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString("ascii", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = message.readUInt16BE(at + 1);
  if (message.readUInt16BE(at + 3) !== 1 || message.length !== at + 5) throw new Error("Not one question in class IN");
  if (type !== TYPES.A && type !== TYPES.AAAA) throw new Error(`The type ${type}`);
  return { name: labels.join("."), type: type === TYPES.A ? "A" : "AAAA" };
}

interface Room {
  replies: Record<Question["type"], Reply[]>;
  readonly asked: Question[];
}

class Resolver {
  readonly #rooms = new Map<string, Room>();

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://resolver");
    const [, door, key = ""] = url.pathname.split("/");
    const room = this.#rooms.get(key) ?? { replies: { A: [], AAAA: [] }, asked: [] };
    this.#rooms.set(key, room);
    if (door === "q" && request.method === "GET") return this.#answer(room, request, response);
    if (door !== "control") return void response.writeHead(404).end();
    if (request.method === "GET") return void response.end(JSON.stringify(room.asked));
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const { A = [], AAAA = [] }: Zone = JSON.parse(Buffer.concat(chunks).toString());
    room.replies = { A: [...A], AAAA: [...AAAA] };
    response.writeHead(204).end();
  }

  #answer({ replies, asked }: Room, request: IncomingMessage, response: ServerResponse): void {
    const dns = new URL(request.url ?? "/", "http://resolver").searchParams.get("dns") ?? "";
    const accepts = request.headers.accept === "application/dns-message";
    if (!/^[\w-]+$/.test(dns) || !accepts) throw new Error("Not as in RFC 8484");
    const message = Buffer.from(dns, "base64url");
    const question = readQuestion(message);
    asked.push(question);
    const left = replies[question.type];
    const reply = (left.length > 1 ? left.shift() : left[0]) ?? {};
    if (reply.hang === "head") return;
    if (reply.reset) return void response.socket?.resetAndDestroy();
    const headers = { "content-type": "application/dns-message", "cache-control": "max-age=60", ...reply.headers };
    response.writeHead(reply.status ?? 200, headers);
    if (reply.hang === "body") return response.flushHeaders();
    response.end(
      reply.bodyBase64 === undefined
        ? encodeAnswer(message, addressRecords(reply), reply)
        : Buffer.from(reply.bodyBase64, "base64"),
    );
  }
}

/** Starts the resolver on a free loopback port. `stop` cuts every open connection. */
export async function startDoh(): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const resolver = new Resolver();
  const server = createServer((request, response) => {
    resolver.handle(request, response).catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The resolver has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The test runner's global setup: one resolver for the whole run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, stop } = await startDoh();
  project.provide("dohUrl", url);
  return stop;
}
