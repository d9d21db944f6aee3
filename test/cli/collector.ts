/** A server on loopback that events are forwarded to: it keeps what comes, and verifies it with a library that is not ours. */
import { createServer, type ServerResponse } from "node:http";
import { Webhook } from "standardwebhooks";
import { onTestFinished } from "vitest";

interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}

export interface Collector {
  readonly url: string;
  /** In order of arrival. */
  readonly bodies: () => readonly string[];
  /** `webhook-id` of each, in order of arrival. */
  readonly ids: () => readonly string[];
  /** The same, each verified with the secret. @throws Error on one that does not hold. */
  readonly verified: (secret: string) => readonly string[];
  /** Resolves once so many requests have come. */
  readonly count: (count: number) => Promise<void>;
}

const taken = (response: ServerResponse): void => void response.writeHead(204).end();

export async function startCollector(answer: (response: ServerResponse) => void = taken): Promise<Collector> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      received.push({ headers, body: Buffer.concat(chunks).toString() });
      answer(response);
      for (const look of waiting) look();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The collector has no port");
  const idOf = ({ headers }: Received): string => headers["webhook-id"] ?? "";
  return {
    url: `http://127.0.0.1:${address.port}/hooks`,
    bodies: () => received.map(({ body }) => body),
    ids: () => received.map(idOf),
    verified: (secret) => {
      for (const { body, headers } of received) new Webhook(secret).verify(body, headers);
      return received.map(idOf);
    },
    count: (count) =>
      new Promise((resolve) => {
        const look = () => {
          if (received.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}
