/** Composition root: the environment → dependencies. The only file that knows every adapter. */
import { importCheckKeys } from "./core/api-key.ts";
import { ID_RANDOM_BYTES, timeOrderedId } from "./core/ids.ts";
import { createVault } from "./core/vault.ts";
import { readConfig } from "./config.ts";
import { d1Audit } from "./d1/audit.ts";
import { d1Buses } from "./d1/buses.ts";
import { d1Changes } from "./d1/changes.ts";
import { d1HealthRecord } from "./d1/health-record.ts";
import { d1Idempotency } from "./d1/idempotency.ts";
import { d1Keys } from "./d1/keys.ts";
import { d1Log } from "./d1/log.ts";
import { d1Metrics } from "./d1/metrics.ts";
import { d1Record } from "./d1/record.ts";
import { d1Subscriptions } from "./d1/subscriptions.ts";
import { d1Sweep } from "./d1/sweep.ts";
import { d1Tail } from "./d1/tail.ts";
import { createDeliver } from "./deliver.ts";
import { createApp } from "./http/app.ts";
import { createIngest } from "./ingest.ts";
import { durableLimiters } from "./limiter.ts";
import { consoleLogger } from "./log.ts";
import type { Clock, Logger, Random } from "./ports.ts";
import { createTell } from "./telling.ts";
import { queueLanes } from "./queues.ts";
import { bindingRateLimits } from "./rate-limits.ts";
import { dohResolver } from "./resolver.ts";
import { createRoutes, emptyRoutesState } from "./routes.ts";
import { createSweep } from "./sweep.ts";
import { VERSION } from "./version.ts";
import { createWebhooks } from "./webhook.ts";

const workersClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

const workersRandom: Random = {
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  fraction: () => Math.random(),
};

/** With these shard orders a queue's place in its list is its number in wrangler.toml. */
function queuesOf(env: Env) {
  return {
    fast: [env.DELIVERIES_FAST_0, env.DELIVERIES_FAST_1],
    slow: [env.DELIVERIES_SLOW_0, env.DELIVERIES_SLOW_1],
    poison: env.DELIVERIES_POISON,
  };
}

function rateLimitsOf(env: Env) {
  return { low: env.PUBLISH_RATE_LOW, standard: env.PUBLISH_RATE_STANDARD, high: env.PUBLISH_RATE_HIGH };
}

/** For an answer that is made before there is a router. */
export const freshRequestId = (): string =>
  `req_${timeOrderedId(workersClock.now(), workersRandom.bytes(ID_RANDOM_BYTES))}`;

/** The doors that have no binding: time, chance and the log. */
export interface Doors {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** A router of its own, with an empty cache: what one isolate holds. @throws ConfigError */
export function assemble(env: Env, { clock, random, logger }: Doors) {
  const config = readConfig(env);
  const db = env.DB;
  const vault = createVault(config.encryptionKeys);
  const sinkPolicy = { allowInsecure: config.allowInsecureSinks, publicHost: config.publicHost };

  const lanes = queueLanes({ queues: queuesOf(env), clock, logger });
  const routes = createRoutes({ feed: d1Changes({ db }), clock, logger, state: emptyRoutesState() });
  const log = d1Log({ db, vault });
  const subscriptions = d1Subscriptions({ db, vault, random });
  const webhooks = createWebhooks({
    fetch,
    clock,
    policy: sinkPolicy,
    resolver: config.dohUrl === null ? null : dohResolver({ fetch, url: config.dohUrl }),
    baseUrl: config.publicUrl,
    version: VERSION,
  });

  const ingest = createIngest({ routes, log, lanes, clock, random });
  const tell = createTell({ ingest, clock, random, logger });
  const sweeper = createSweep({
    log: d1Sweep({ db }),
    tell,
    lanes,
    clock,
    logger,
    retentionDays: config.retentionDays,
    databaseBytes: config.databaseBytes,
  });
  const consumers = createDeliver({
    log,
    lanes,
    webhooks,
    limiters: durableLimiters({ namespace: env.LIMITERS, clock, random, logger }),
    clock,
    random,
    logger,
    disable: async ({ bus, id, reason, attemptedMs }) => {
      const now = clock.now();
      const auditId = `aud_${timeOrderedId(now, random.bytes(ID_RANDOM_BYTES))}`;
      const change = await subscriptions.disable(bus, id, { reason, attemptedMs, now, auditId });
      if (change !== null) routes.applied(change);
      return change !== null;
    },
    tell,
  });

  // The keys are kept, not the promise of them: one request must not wait for another's.
  let checkKeys: readonly CryptoKey[] | undefined;
  const app = createApp({
    clock,
    random,
    logger,
    routes,
    buses: d1Buses({ db }),
    keys: d1Keys({ db }),
    subscriptions,
    record: d1Record({ db }),
    tail: d1Tail({ db }),
    health: d1HealthRecord({ db }),
    metrics: d1Metrics({ db }),
    audit: d1Audit({ db }),
    idempotency: d1Idempotency({ db, vault, random }),
    rateLimits: bindingRateLimits({ bindings: rateLimitsOf(env), logger }),
    ingest,
    wake: consumers.wake,
    resumed: sweeper.unhold,
    auth: {
      rootKeys: config.rootKeys,
      checkKeys: async () => (checkKeys ??= await importCheckKeys(config.encryptionKeys)),
    },
    vault,
    sinkPolicy,
    deployment: { retentionDays: config.retentionDays, databaseBytes: config.databaseBytes },
    keyUses: new Map(),
    version: VERSION,
  });
  return { app, deliver: consumers.deliver, adopt: consumers.adopt, sweep: sweeper.sweep };
}

type Router = ReturnType<typeof assemble>;

/** One router per isolate and environment: plain data and imported keys only, no I/O object outlives its request. */
const routers = new WeakMap<Env, Router>();

/** @throws ConfigError */
export function wire(env: Env): Router {
  const known = routers.get(env);
  if (known !== undefined) return known;
  const router = assemble(env, { clock: workersClock, random: workersRandom, logger: consoleLogger });
  routers.set(env, router);
  return router;
}
