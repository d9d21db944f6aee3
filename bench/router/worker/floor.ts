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

/** The first line of a message; behind it comes the event's text as it is. */
interface Head {
  /** Whether it is the first message of its event. */
  readonly isFirst: boolean;
  readonly sinks: readonly number[];
}

/** What is looked at of an event. */
interface FloorEvent {
  readonly id: string;
  readonly subject: string;
}

/** As the router has them: src/core/limits.ts. */
const PARCEL_DELIVERIES_MAX = 10;
const PUSHES_MAX = 5;
const SEND_MESSAGES_MAX = 100;
const SEND_CHARS_MAX = 250_000;

/** `events`: those whose first message was taken. */
const taken = { events: 0, matched: 0, pushed: 0, failed: 0 };
function messagesOf({ subject }: FloorEvent, text: string): string[] {
  const [first = 0, count = 0] = subject.split(":").map(Number);
  const messages: string[] = [];
  for (let done = 0; done < Math.max(count, 1); done += PARCEL_DELIVERIES_MAX) {
    const length = Math.min(PARCEL_DELIVERIES_MAX, count - done);
    const sinks = Array.from({ length }, (_, index) => first + done + index);
    messages.push(`${JSON.stringify({ isFirst: done === 0, sinks } satisfies Head)}\n${text}`);
  }
  return messages;
}

/** As the router spreads them: a hash of the event, so that shards are as uneven. FNV-1a. */
function shardOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
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
  const source = await request.text();
  const body: unknown = JSON.parse(source);
  // One event goes on as it came; one of a batch has to be written again.
  const events = (
    Array.isArray(body)
      ? body.map((event) => ({ event, text: JSON.stringify(event) }))
      : [{ event: body, text: source }]
  ) as readonly { readonly event: FloorEvent; readonly text: string }[];
  const byShard = [env.DELIVERIES_FAST_0, env.DELIVERIES_FAST_1].map((queue) => ({ queue, messages: [] as string[] }));
  for (const { event, text } of events)
    byShard[shardOf(event.id) % byShard.length]?.messages.push(...messagesOf(event, text));
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
      const lineEnd = body.indexOf("\n");
      const { isFirst, sinks } = JSON.parse(body.slice(0, lineEnd)) as Head;
      const event = body.slice(lineEnd + 1);
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
