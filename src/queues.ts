/**
 * Adapter: message texts → sendBatch. Cuts by the limits of Queues, gives each send its own timeout and one try on a sibling shard.
 */
import {
  MESSAGE_OVERHEAD_BYTES,
  PUSHES_MAX,
  SEND_BYTES_MAX,
  SEND_MESSAGES_MAX,
  SEND_TIMEOUT_MS,
} from "./core/limits.ts";
import { utf8Bytes } from "./core/utf8.ts";
import { type Clock, type Lane, type Lanes, type Logger, type Outgoing, Unavailable } from "./ports.ts";

/** What we use of a queue binding. */
export type QueueBinding = Pick<Queue<string>, "sendBatch">;

export interface QueueBindings {
  readonly fast: readonly QueueBinding[];
  readonly slow: readonly QueueBinding[];
  readonly poison: QueueBinding;
}

interface Send {
  readonly lane: Lane;
  readonly shard: number;
  readonly messages: readonly MessageSendRequest<string>[];
}

function toMessage(text: string, delaySeconds: number): MessageSendRequest<string> {
  const message = { body: text, contentType: "text" } as const;
  return delaySeconds > 0 ? { ...message, delaySeconds } : message;
}

/** Messages of one queue, cut into sends that Queues accepts. */
function cut(lane: Lane, shard: number, messages: readonly Outgoing[]): Send[] {
  const sends: Send[] = [];
  let current: MessageSendRequest<string>[] = [];
  let bytes = 0;
  for (const { text, delaySeconds } of messages) {
    const messageBytes = utf8Bytes(text) + MESSAGE_OVERHEAD_BYTES;
    if (current.length === SEND_MESSAGES_MAX || (current.length > 0 && bytes + messageBytes > SEND_BYTES_MAX)) {
      sends.push({ lane, shard, messages: current });
      current = [];
      bytes = 0;
    }
    current.push(toMessage(text, delaySeconds));
    bytes += messageBytes;
  }
  if (current.length > 0) sends.push({ lane, shard, messages: current });
  return sends;
}

export function queueLanes(deps: { queues: QueueBindings; clock: Clock; logger: Logger }): Lanes {
  const { queues, clock, logger } = deps;

  /** A queue that is overloaded may hang for almost a minute before it says so. */
  async function sendInTime(queue: QueueBinding, messages: readonly MessageSendRequest<string>[]): Promise<void> {
    let answered = false;
    const late = clock.sleep(SEND_TIMEOUT_MS).then(() => {
      if (!answered) throw new Unavailable(`A queue did not confirm within ${SEND_TIMEOUT_MS} ms`);
    });
    try {
      await Promise.race([queue.sendBatch(messages), late]);
    } finally {
      answered = true;
    }
  }

  async function sendOne({ lane, shard, messages }: Send): Promise<void> {
    const shards = queues[lane];
    const [first, sibling] = [shards[shard % shards.length], shards[(shard + 1) % shards.length]];
    if (first === undefined || sibling === undefined) throw new Error(`Lane ${lane} has no queue`);
    try {
      await sendInTime(first, messages);
    } catch (error) {
      logger.warn("queue.send_failed", { lane, shard, messages: messages.length, error: String(error) });
      await sendInTime(sibling, messages);
    }
  }

  return {
    async send(messages) {
      const byQueue = Map.groupBy(messages, ({ lane, shard }) => `${lane} ${shard % queues[lane].length}`);
      const sends = [...byQueue.values()].flatMap((group) => {
        const [first] = group;
        return first === undefined ? [] : cut(first.lane, first.shard, group);
      });
      let failure: unknown;
      const next = sends[Symbol.iterator]();
      const worker = async () => {
        for (const send of next) {
          try {
            await sendOne(send);
          } catch (error) {
            failure ??= error;
          }
        }
      };
      await Promise.all(Array.from({ length: Math.min(PUSHES_MAX, sends.length) }, worker));
      if (failure !== undefined) throw new Unavailable("A queue did not confirm", { cause: failure });
    },

    async poison(text) {
      try {
        await sendInTime(queues.poison, [toMessage(text, 0)]);
      } catch (error) {
        throw new Unavailable("The poison queue did not confirm", { cause: error });
      }
    },
  };
}
