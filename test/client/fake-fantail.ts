/**
 * A server on loopback that stands in for Fantail and misbehaves as a test tells it. Unless it is told otherwise it accepts every event
 * of a publish. It keeps what it received.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Received {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export type Answer = (response: ServerResponse, request: Received) => void;

export interface FakeFantail {
  readonly url: string;
  /** In order of arrival. */
  readonly requests: readonly Received[];
  /** These answer the next requests, one each; all others get the default. */
  readonly next: (...answers: Answer[]) => void;
  /** Answers all that `next` says nothing of. */
  readonly always: (answer: Answer) => void;
  /** Resolves once so many requests have arrived. */
  readonly arrived: (count: number) => Promise<void>;
}

export async function fakeFantail(): Promise<FakeFantail> {
  const requests: Received[] = [];
  const answers: Answer[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  let usual: Answer = acceptsAll;
  const server = createServer((request, response) => {
    void read(request).then((received) => {
      requests.push(received);
      (answers.shift() ?? usual)(response, received);
      for (const { count, resolve } of waiting) if (requests.length >= count) resolve();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    next: (...more) => void answers.push(...more),
    always: (answer) => void (usual = answer),
    arrived: (count) =>
      new Promise((resolve) => {
        if (requests.length >= count) resolve();
        else waiting.push({ count, resolve });
      }),
  };
}

async function read(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { method = "", url = "", headers } = request;
  return { method, url, headers, body: Buffer.concat(chunks).toString() };
}

// ---- Answers -----------------------------------------------------------------------------------------------------

export const json =
  (status: number, value: unknown, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));
  };

const REQUEST_ID = "req_01jd3x8k0v7q2m9c4n5t6w8y0z";

export const problemOf = (slug: string, status: number, more: object = {}) => ({
  type: `https://fantail.dev/problems/${slug}`,
  title: `The title of ${slug}`,
  status,
  detail: `The detail of ${slug}`,
  instance: REQUEST_ID,
  ...more,
});

export const problem = (
  slug: string,
  status: number,
  more: object = {},
  headers: Record<string, string> = {},
): Answer => json(status, problemOf(slug, status, more), { "content-type": "application/problem+json", ...headers });

export const unavailable = problem("unavailable", 503, {}, { "retry-after": "5" });

/** Bytes as they are. */
export const raw =
  (status: number, headers: Record<string, string>, body: string): Answer =>
  (response) => {
    response.writeHead(status, headers).end(body);
  };

export const reset: Answer = (response) => void response.destroy();

/** Fewer bytes than it says, and then the end of the connection. */
export const breaksOff: Answer = (response) => {
  response.writeHead(202, { "content-type": "application/json", "content-length": "99" });
  response.write("{}", () => response.destroy());
};

/** Says nothing until the client goes. */
export const hang: Answer = () => {};

/** The events of a publish as they were sent. */
export function eventsOf({ body, headers }: Received): { id: string; source: string; type: string; data?: unknown }[] {
  const value = JSON.parse(body);
  return headers["content-type"] === "application/cloudevents-batch+json" ? value : [value];
}

export const accepted = ({ id, source }: { id: string; source: string }) => ({
  status: "accepted",
  event_id: `evt_${id}`,
  id,
  source,
  matched: 1,
  subscription_ids: ["sub_1"],
});

export const rejected = (index: number, slug = "invalid-event", status = 422) => ({
  status: "rejected",
  problem: problemOf(slug, status, { errors: [{ pointer: `/${index}/type`, detail: "type must not be empty" }] }),
});

export const acceptsAll: Answer = (response, request) => {
  const events = eventsOf(request);
  json(202, { accepted: events.length, rejected: 0, events: events.map(accepted) })(response, request);
};

/** Accepts all but those of type `bad`, as Fantail does: 422 when nothing is left. */
export const acceptsGood: Answer = (response, request) => {
  const events = eventsOf(request);
  const bad = events.flatMap(({ type }, index) => (type === "bad" ? [index] : []));
  if (bad.length === events.length) {
    const alone = request.headers["content-type"] === "application/cloudevents+json";
    const errors = bad.map((index) => ({
      pointer: alone ? "/type" : `/${index}/type`,
      detail: "type must not be bad",
    }));
    return problem("invalid-event", 422, { errors })(response, request);
  }
  const entries = events.map((event, index) => (event.type === "bad" ? rejected(index) : accepted(event)));
  json(207, { accepted: events.length - bad.length, rejected: bad.length, events: entries })(response, request);
};
