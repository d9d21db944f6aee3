// What `listen` loses of what is on record when the router is killed under it and started again: nothing.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../../scripts/free-port.ts";
import { randomSecret, startRouter } from "../../scripts/router.ts";
import { createClient, type Client } from "../../src/client/client.ts";
import { PublishError } from "../../src/client/errors.ts";
import { mayRepeat } from "../../src/client/retry.ts";
import { startCollector } from "./collector.ts";
import { start } from "./command.ts";
import { HANG_MS } from "./world.ts";

/** How long the router is away, beside what stopping and starting it takes: by hand 30 000 is as good. */
const OUTAGE_MS = Number(process.env["FANTAIL_OUTAGE_MS"] ?? 0);
const BEFORE = 20;
const MEANWHILE = 20;
const AFTER = 20;
const SECRET = `whsec_${Buffer.from("a secret of at least 24 bytes").toString("base64")}`;

/** Publishes the event until it is taken, each time with the same id: its `event_id`, and how often nobody was there. */
async function publishUntilTaken(
  client: Client,
  id: string,
): Promise<{ readonly eventId: string; readonly failures: number }> {
  for (let failures = 0; ; failures += 1) {
    try {
      const { event_id: eventId } = await client.publish(
        { type: "order.created", id, source: "/outage" },
        { retries: 0 },
      );
      return { eventId, failures };
    } catch (error) {
      if (!(error instanceof PublishError && mayRepeat(error.cause, "always"))) throw error;
      await delay(50);
    }
  }
}

test(
  `listen loses nothing when the router is killed, is away for ${OUTAGE_MS} ms, and comes back`,
  async () => {
    const persistTo = await mkdtemp(join(tmpdir(), "fantail-outage-"));
    onTestFinished(() => rm(persistTo, { recursive: true }));
    const options = {
      persistTo,
      port: await freePort(),
      quiet: true,
      vars: { ROOT_KEY: randomSecret(), ENCRYPTION_KEY: randomSecret() },
    };
    let router = await startRouter(options);
    onTestFinished(() => router.stop());
    const client = createClient({ url: router.url, key: router.rootKey });
    const collector = await startCollector();
    const listening = start(["listen", "--forward-to", collector.url, "--secret", SECRET], {
      env: { FANTAIL_URL: router.url, FANTAIL_KEY: router.rootKey },
    });
    await listening.saw("stderr", /^Ready: /m);

    const eventIds: string[] = [];
    const publish = async (from: number, count: number): Promise<number> => {
      let failures = 0;
      for (let n = from; n < from + count; n += 1) {
        const taken = await publishUntilTaken(client, `n-${n}`);
        eventIds.push(taken.eventId);
        failures += taken.failures;
      }
      return failures;
    };
    // The router goes while what was published last is still on its way to the record, or to us.
    expect(await publish(0, BEFORE)).toBe(0);
    await router.stop();
    await listening.saw("stderr", /^fantail: .*; trying again$/m);
    const meanwhile = publish(BEFORE, MEANWHILE);
    await delay(OUTAGE_MS);
    router = await startRouter(options);
    expect(await meanwhile).toBeGreaterThan(0);
    expect(await publish(BEFORE + MEANWHILE, AFTER)).toBe(0);

    await collector.count(eventIds.length);
    expect(collector.verified(SECRET).toSorted()).toEqual(eventIds.toSorted());
    listening.child.kill("SIGTERM");
    const { code, stderr } = await listening.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^fantail: connected again, going on where it broke off$/m);
    expect(stderr).toMatch(new RegExp(`^${eventIds.length} delivered, 0 failed\\n$`, "m"));
  },
  HANG_MS,
);
