/**
 * The producer, as a process of its own: publishes at a fixed rate, whatever the answers and however late they come (an open loop), so
 * that a router which slows down cannot slow down its load. It tries nothing twice: what becomes of an event is for its caller.
 */
import { setTimeout as delay } from "node:timers/promises";
import { serve } from "../../scripts/rig/calls.ts";

export interface Load {
  readonly url: string;
  readonly key: string;
  readonly perSecond: number;
  readonly events: readonly { readonly id: string; readonly subject: string }[];
}

export interface Published {
  readonly id: string;
  readonly subject: string;
  /** Unix milliseconds with a fraction: when it was to be sent, by the rate. */
  readonly intendedMs: number;
  /** Null: not answered, or not 202. It may have been accepted all the same. */
  readonly eventId: string | null;
}

/** No answer is waited for longer: far more than any takes. */
const ANSWER_MS = 60_000;

/** The event of an id: the same however often it is published. */
const eventOf = ({ id, subject }: Load["events"][number]) => ({
  specversion: "1.0",
  type: "load",
  source: "/faults",
  id,
  subject,
  data: { id },
});

async function publish({ url, key }: Load, event: Load["events"][number]): Promise<string | null> {
  try {
    const response = await fetch(`${url}/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/cloudevents+json" },
      body: JSON.stringify(eventOf(event)),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const answer: unknown = await response.json();
    if (response.status !== 202) return null;
    return (answer as { readonly events: readonly { readonly event_id: string }[] }).events[0]?.event_id ?? null;
  } catch {
    // A router that is killed in mid-flight is what the load is for.
    return null;
  }
}

const served = {
  /** Publishes all; resolves once the last is answered. */
  async publish(load: Load): Promise<Published[]> {
    const beganMs = performance.timeOrigin + performance.now();
    const all = load.events.map(async (event, index): Promise<Published> => {
      const intendedMs = beganMs + (index * 1_000) / load.perSecond;
      await delay(Math.max(0, intendedMs - performance.timeOrigin - performance.now()));
      return { ...event, intendedMs, eventId: await publish(load, event) };
    });
    return Promise.all(all);
  },
};

export type LoadCalls = typeof served;

serve(served);
