/**
 * The platform's own floor: what the router's way costs without a router. It parses what is published, sends the same messages to the same
 * queues, and pushes with fetch, five at a time. It knows no routing, record, signing or retry: an event names its sinks itself, as the
 * subject `first:count`.
 */
interface FloorEnv {
  readonly DELIVERIES_FAST_0: Queue<string>;
  readonly DELIVERIES_FAST_1: Queue<string>;
  /** Where the sinks are: the number of one of them comes behind it. */
  readonly SINKS_URL: string;
}

interface Message {
  /** Whether it is the first of its event. */
  readonly isFirst: boolean;
  readonly sinks: readonly number[];
  readonly event: string;
}

/** As the router has them: src/core/limits.ts. */
const PARCEL_DELIVERIES_MAX = 10;
const PUSHES_MAX = 5;
const SEND_MESSAGES_MAX = 100;
const SEND_CHARS_MAX = 250_000;

/** `events`: those whose first message was taken. */
const taken = { events: 0, matched: 0, pushed: 0, failed: 0 };
let turn = 0;

function messagesOf(event: unknown): string[] {
  const { subject } = event as { readonly subject: string };
  const [first = 0, count = 0] = subject.split(":").map(Number);
  const text = JSON.stringify(event);
  const messages: string[] = [];
  for (let done = 0; done < Math.max(count, 1); done += PARCEL_DELIVERIES_MAX) {
    const sinks = Array.from(
      { length: Math.min(PARCEL_DELIVERIES_MAX, count - done) },
      (_, index) => first + done + index,
    );
    messages.push(JSON.stringify({ isFirst: done === 0, sinks, event: text } satisfies Message));
  }
  return messages;
}

async function send({ queue, messages }: { queue: Queue<string>; messages: readonly string[] }): Promise<void> {
  let part: string[] = [];
  let chars = 0;
  const flush = async () => {
    await queue.sendBatch(part.map((body) => ({ body, contentType: "text" })));
    [part, chars] = [[], 0];
  };
  for (const message of messages) {
    if (part.length === SEND_MESSAGES_MAX || (part.length > 0 && chars + message.length > SEND_CHARS_MAX))
      await flush();
    part.push(message);
    chars += message.length;
  }
  await flush();
}

async function publish(request: Request, env: FloorEnv): Promise<Response> {
  const body: unknown = JSON.parse(await request.text());
  const events: readonly unknown[] = Array.isArray(body) ? body : [body];
  const queues = [env.DELIVERIES_FAST_0, env.DELIVERIES_FAST_1];
  const byShard = queues.map((queue) => ({ queue, messages: [] as string[] }));
  for (const event of events) byShard[(turn += 1) % queues.length]?.messages.push(...messagesOf(event));
  await Promise.all(byShard.filter(({ messages }) => messages.length > 0).map((shard) => send(shard)));
  return Response.json({ accepted: events.length }, { status: 202 });
}

async function push(url: string, body: string): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/cloudevents+json" },
    body,
    redirect: "manual",
  });
  await response.arrayBuffer();
  if (response.ok) taken.pushed += 1;
  else taken.failed += 1;
}

export default {
  async fetch(request, env) {
    return request.method === "POST" ? publish(request, env) : Response.json(taken);
  },

  async queue(batch, env) {
    const pushes = batch.messages.flatMap(({ body }) => {
      const { isFirst, sinks, event } = JSON.parse(body) as Message;
      if (isFirst) taken.events += 1;
      taken.matched += sinks.length;
      return sinks.map((sink) => ({ url: `${env.SINKS_URL}${sink}`, event }));
    });
    const rest = pushes.values();
    await Promise.all(
      Array.from({ length: PUSHES_MAX }, async () => {
        for (const { url, event } of rest) await push(url, event);
      }),
    );
    for (const message of batch.messages) message.ack();
  },
} satisfies ExportedHandler<FloorEnv, string>;
