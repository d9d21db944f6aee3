/**
 * Adapter: message texts → sendBatch. Cuts by the limits of Queues, gives each send its own timeout and one try on a sibling shard.
 */
import { cut } from "./core/cut.ts";
import type { Lane } from "./core/health.ts";
import { inTime } from "./core/in-time.ts";
import {
  MESSAGE_OVERHEAD_BYTES,
  PUSHES_MAX,
  SEND_BYTES_MAX,
  SEND_MESSAGES_MAX,
  SEND_TIMEOUT_MS,
} from "./core/limits.ts";
import { utf8Bytes } from "./core/utf8.ts";
import { type Clock, type Lanes, type Logger, type Outgoing, Unavailable } from "./ports.ts";

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

/** What one `sendBatch` takes. */
const ROOM = { itemsMax: SEND_MESSAGES_MAX, bytesMax: SEND_BYTES_MAX };
const weightOf = ({ text }: Outgoing): number => utf8Bytes(text) + MESSAGE_OVERHEAD_BYTES;

/** Messages of one queue, cut into sends that Queues accepts. */
function sendsOf(lane: Lane, shard: number, messages: readonly Outgoing[]): Send[] {
  return cut(messages, weightOf, ROOM).map((part) => {
    return { lane, shard, messages: part.map(({ text, delaySeconds }) => toMessage(text, delaySeconds)) };
  });
}

const noConfirmation = () => new Unavailable(`A queue did not confirm within ${SEND_TIMEOUT_MS} ms`);

export function queueLanes(deps: { queues: QueueBindings; clock: Clock; logger: Logger }): Lanes {
  const { queues, clock, logger } = deps;

  /** A queue that is overloaded may hang for almost a minute before it says so. */
  async function sendInTime(queue: QueueBinding, messages: readonly MessageSendRequest<string>[]): Promise<void> {
    await inTime(queue.sendBatch(messages), clock.sleep(SEND_TIMEOUT_MS), noConfirmation);
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
        return first === undefined ? [] : sendsOf(first.lane, first.shard, group);
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
