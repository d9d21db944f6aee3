/** What the model reckons with: the platform's limits, what is assumed, and the deployment as it is configured. */
import { join } from "node:path";
import { unstable_readConfig } from "wrangler";
import { PARCEL_DELIVERIES_MAX, PUSHES_MAX, SHORTEN_FRACTION } from "../../src/core/limits.ts";
import limits from "./limits.json" with { type: "json" };
import type { World } from "./model.ts";

const CONFIG = join(import.meta.dirname, "../../wrangler.toml");
/** Queues of lane `fast` have this in their name. */
const FAST_INFIX = "-fast-";

/** @throws when wrangler.toml has no longer what the model knows. */
export function readWorld(): World {
  const { queues, vars, d1_databases } = unstable_readConfig({ config: CONFIG });
  const fast = (queues.consumers ?? []).filter(({ queue }: { readonly queue: string }) => queue.includes(FAST_INFIX));
  const [first] = fast;
  if (typeof first?.max_concurrency !== "number" || typeof first.max_batch_size !== "number")
    throw new Error("wrangler.toml says nothing of the consumers of lane fast");
  const { platform, assumed } = limits;
  return {
    limits: {
      queueMessagesPerSecond: platform.queueMessagesPerSecond.value,
      queueConsumersMax: platform.queueConsumersMax.value,
      queuesPerAccount: platform.queuesPerAccount.value,
      databasesPerAccount: platform.databasesPerAccount.value,
      storageBytesPerAccount: platform.storageBytesPerAccount.value,
    },
    assumed: { writeMs: assumed.writeMs.value, readMs: assumed.readMs.value, callMs: assumed.callMs.value },
    configuration: {
      queues: fast.length,
      consumersPerQueue: first.max_concurrency,
      batchMessages: first.max_batch_size,
      databases: d1_databases.length,
      databaseBytes: Number(vars["DATABASE_MB"]) * 1_000_000,
      usableFraction: SHORTEN_FRACTION,
      retentionSeconds: Number(vars["RETENTION_DAYS"]) * 86_400,
      pushes: PUSHES_MAX,
      parcelDeliveries: PARCEL_DELIVERIES_MAX,
    },
  };
}

export { limits as LIMITS };
