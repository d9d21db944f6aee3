/**
 * A consumer: a process of its own with a webhook, as any team would write one. It verifies each request with the
 * `standardwebhooks` package, reads the event with the `cloudevents` SDK, answers, and reports. It knows of the router only
 * what a subscriber is given.
 */
import { HTTP } from "cloudevents";
import { createServer, type IncomingMessage } from "node:http";
import { Webhook } from "standardwebhooks";
import { isConfigure, type Configure, type FromConsumer, type Receipt } from "./messages.ts";
import { at, fingerprintOf } from "./payloads.ts";

type Reading = Pick<Receipt, "answered" | "verified" | "event" | "problem">;

let configuration: Configure | null = null;
let failuresLeft = 0;

const server = createServer((request, response) => {
  const atMs = Date.now();
  void (async () => {
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const reading = await read(headers, await bodyOf(request));
    response.writeHead(reading.answered).end();
    tell({
      kind: "receipt",
      atMs,
      webhookId: headers["webhook-id"] ?? "",
      attempt: Number(headers["fantail-attempt"]),
      ...reading,
    });
  })();
});

process.on("message", (message: unknown) => {
  if (!isConfigure(message)) return;
  configuration = message;
  failuresLeft = message.failures;
  tell({ kind: "ready" });
});
// A Ctrl-C reaches the whole process group; the demo ends its consumers itself, by hanging up.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(0));

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The consumer has no port");
  tell({ kind: "listening", sink: `http://127.0.0.1:${address.port}/webhook` });
});

function tell(message: FromConsumer): void {
  process.send?.(message);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

async function read(headers: Readonly<Record<string, string>>, body: string): Promise<Reading> {
  if (configuration === null) {
    return { answered: 500, verified: false, event: null, problem: "a request came before the subscription" };
  }
  try {
    new Webhook(configuration.secret).verify(body, { ...headers });
  } catch (error) {
    return { answered: 401, verified: false, event: null, problem: String(error) };
  }
  try {
    if (failuresLeft > 0) {
      failuresLeft -= 1;
      return { answered: 503, verified: true, event: null, problem: null };
    }
    const event = await eventOf(configuration, headers, body);
    const id = String(at(event, "id"));
    return { answered: 200, verified: true, event: { id, fingerprint: fingerprintOf(event) }, problem: null };
  } catch (error) {
    return { answered: 500, verified: true, event: null, problem: String(error) };
  }
}

async function eventOf(
  { format, readKey }: Configure,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<unknown> {
  if (format !== "reference") return HTTP.toEvent({ headers: { ...headers }, body });
  const reference: unknown = JSON.parse(body);
  const response = await fetch(String(at(reference, "data.url")), { headers: { authorization: `Bearer ${readKey}` } });
  if (!response.ok) throw new Error(`GET ${String(at(reference, "data.url"))} answered ${response.status}`);
  const answer: unknown = await response.json();
  for (const name of ["id", "source", "subject"]) {
    if ((at(answer, `event.${name}`) ?? null) !== (at(reference, `data.${name}`) ?? null)) {
      throw new Error(`The event that was fetched back has another ${name} than its reference`);
    }
  }
  return at(answer, "event");
}
