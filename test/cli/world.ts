/** A real router on this machine for the tests of one file, and the command run against it. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished } from "vitest";
import { until } from "../../scripts/rig/until.ts";
import { startRouter } from "../../scripts/router.ts";
import type { EventOnRecord } from "../../src/client/api.ts";
import { createClient, type Client } from "../../src/client/client.ts";
import { ProblemError } from "../../src/client/errors.ts";
import { fantail, type Ran, type RunOptions } from "./command.ts";

/** Only against a hang: two runtimes and many processes on a busy machine. */
export const HANG_MS = 120_000;

/** A bus of its own for a test. */
export interface Bus {
  readonly bus: string;
  readonly client: Client;
  /** Runs the command on that bus, with the root key. */
  readonly run: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
}

export interface World {
  readonly url: () => string;
  readonly rootKey: () => string;
  /** Its environment, with the root key, before what is given. */
  readonly env: (more?: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;
  readonly freshBus: () => Promise<Bus>;
}

/** To be called once, at the top of a file. */
export function startWorld(): World {
  let router: Awaited<ReturnType<typeof startRouter>>;
  let buses = 0;
  beforeAll(async () => {
    const state = await mkdtemp(join(tmpdir(), "fantail-cli-"));
    const started = await startRouter({ persistTo: state, quiet: true });
    router = started;
    return async () => {
      await started.stop();
      await rm(state, { recursive: true });
    };
  }, HANG_MS);
  const env = (more: Readonly<Record<string, string>> = {}) => ({
    FANTAIL_URL: router.url,
    FANTAIL_KEY: router.rootKey,
    ...more,
  });
  return {
    url: () => router.url,
    rootKey: () => router.rootKey,
    env,
    freshBus: async () => {
      buses += 1;
      const bus = `cli-${buses}`;
      await createClient({ url: router.url, key: router.rootKey }).buses.put(bus);
      return {
        bus,
        client: createClient({ url: router.url, key: router.rootKey, bus }),
        run: (args, options = {}) => fantail(args, { ...options, env: env({ FANTAIL_BUS: bus, ...options.env }) }),
      };
    },
  };
}

/** What `--json` says, of a command that succeeds and has nothing to add. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- said once by each test, instead of an assertion
export function documentOf<T>({ code, stdout, stderr }: Ran): T {
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

/** A sink that answers with this status. */
export async function startSink(status: () => number): Promise<string> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status()).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The sink has no port");
  return `http://127.0.0.1:${address.port}/hooks`;
}

/** Waits until the event is on record, and its deliveries are over. */
export const settled = (client: Client, eventId: string): Promise<void> =>
  waitFor(client, eventId, ({ deliveries }) =>
    deliveries.every(({ status }) => status === "delivered" || status === "dead"),
  );

function waitFor(client: Client, eventId: string, isSo: (event: EventOnRecord) => boolean): Promise<void> {
  const look = async (): Promise<boolean> => {
    try {
      return isSo(await client.events.get(eventId));
    } catch (error) {
      if (error instanceof ProblemError && error.slug === "not-found") return false;
      throw error;
    }
  };
  return until(`${eventId} is as it should be`, look, { withinMs: HANG_MS });
}

/** Publishes an event of each of these types, the next when the one before is on record, so that they stand there in this order; their ids. */
export async function published(client: Client, types: readonly string[]): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const type of types) {
    const { event_id: id } = await client.publish({ type });
    await waitFor(client, id, () => true);
    ids.push(id);
  }
  return ids;
}
