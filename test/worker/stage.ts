// A router whose platform fails on a test's word: the real code over real D1 and real sinks, with a hand-moved clock, a database
// and queues that refuse, hang or lose answers, and a log that can be read.
import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Doors } from "../../src/wire.ts";
import { fakeLogger } from "../fakes.ts";
import { flakyDb } from "./flaky-db.ts";
import { handClock } from "./hand-clock.ts";
import { handLimiters } from "./hand-limiters.ts";
import { createTestRouter, type Held, type TestRouter } from "./router.ts";

export interface AttemptView {
  readonly attempt: number;
  readonly at: string;
  readonly status: number | null;
  readonly error: string | null;
  readonly answer: string | null;
}

/** A delivery as the API shows it. */
export interface DeliveryView {
  readonly id: string;
  readonly event_id: string;
  readonly subscription_id: string;
  readonly status: string;
  readonly cause: string | null;
  readonly attempt: number;
  readonly due_at: string | null;
  readonly attempts: readonly AttemptView[];
}

/** An empty database, then a router on it, with variables of its own. Jitter is zero: a retry is due exactly as its schedule says. */
export async function createStage(variables: Partial<Env> = {}) {
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  const clock = handClock();
  const logger = fakeLogger();
  const flaky = flakyDb(env.DB);
  const LIMITERS = handLimiters(clock) as unknown as Env["LIMITERS"];
  let attempts = 0;
  let told = (): void => {};
  const doors: Doors = {
    clock,
    logger,
    random: {
      bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
      // Each attempt that ends asks for its jitter.
      fraction: () => {
        attempts += 1;
        told();
        return 0;
      },
    },
  };
  const router = createTestRouter({ LIMITERS, ...variables, DB: flaky.db }, doors);

  async function count(sql: string): Promise<number> {
    return (await env.DB.prepare(`SELECT count(*) AS count FROM ${sql}`).first<number>("count")) ?? 0;
  }

  return {
    clock,
    logger,
    flaky,
    router,
    /** Another isolate on the same database: an empty cache, and queues of its own. */
    isolate: () => createTestRouter({ LIMITERS, ...variables, DB: flaky.db }, doors),
    /** Resolves when so many attempts have ended, all together. */
    attempted: (wanted: number): Promise<void> =>
      new Promise((resolve) => {
        told = () => void (attempts >= wanted && resolve());
        told();
      }),
    /** Log lines of that name. */
    lines: (name: string) => logger.lines.filter((line) => line.name === name),
    /** All deliveries of a subscription as the API shows them, oldest event first. */
    async record(subscriptionId: string): Promise<DeliveryView[]> {
      const list = await router.json<{ data: { id: string }[] }>(
        `/v1/deliveries?subscription_id=${subscriptionId}&limit=200`,
      );
      const all = list.data.toReversed().map(({ id }) => router.json<DeliveryView>(`/v1/deliveries/${id}`));
      return Promise.all(all);
    },
    claims: () => count("claims"),
    /** What breaks an invariant of docs/delivery.md, once everything published has been claimed. */
    async faults(): Promise<Record<string, number>> {
      const found = {
        "claimed by nobody in flight": await count(
          "deliveries WHERE state = 'claimed' AND claim NOT IN (SELECT token FROM claims)",
        ),
        "waiting without a due time, or due without waiting": await count(
          "deliveries WHERE (state = 'waiting') <> (due_ms IS NOT NULL) AND coalesce(cause, '') <> 'expired'",
        ),
        "held by a token without being claimed": await count(
          "deliveries WHERE (state = 'claimed') <> (claim IS NOT NULL)",
        ),
        "matched more or less than it has deliveries": await count(
          "events e WHERE matched <> (SELECT count(*) FROM deliveries d WHERE d.bus = e.bus AND d.seq = e.seq AND d.run = '')",
        ),
      };
      return Object.fromEntries(Object.entries(found).filter(([, rows]) => rows > 0));
    },
  };
}

export type Stage = Awaited<ReturnType<typeof createStage>>;

/** Hands one message out as its queue would, moving the clock by each delay, until it is acked. Answers the delays in seconds. */
export async function consume(stage: { clock: Stage["clock"]; router: TestRouter }, message: Held): Promise<number[]> {
  const delays: number[] = [];
  let delaySeconds = message.delaySeconds;
  while (delays.length < 20) {
    delays.push(delaySeconds);
    stage.clock.advance(delaySeconds * 1_000);
    const [handled] = await stage.router.handle([message]);
    if (handled === undefined) throw new Error("A message got no verdict");
    if (handled.verdict === "ack") return delays;
    delaySeconds = handled.verdict.retryAfterSeconds;
  }
  throw new Error(`A message is retried for ever: ${delays.join(", ")}`);
}

/** How often each `webhook-id` came, in order of its first arrival. */
export function timesSeen(
  requests: readonly { readonly headers: Readonly<Record<string, string>> }[],
): Map<string, number> {
  const seen = new Map<string, number>();
  for (const { headers } of requests) {
    const id = headers["webhook-id"] ?? "none";
    seen.set(id, (seen.get(id) ?? 0) + 1);
  }
  return seen;
}
