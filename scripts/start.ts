/**
 * `npm start`: everything that local use needs, in one process that ends with Ctrl-C. Arguments are passed to `wrangler dev`.
 */
import { createServer } from "node:net";
import { setInterval } from "node:timers/promises";
import { parseArgs } from "node:util";
import { dashboardLink } from "./dashboard-link.ts";
import { devVars } from "./dev-vars.ts";
import { HOST, launch, migrate, STOP_SIGNALS, type Router } from "./router.ts";

const DEFAULT_PORT = 8787;
/** In production the cron fires each minute; here a lost alarm is noticed sooner. */
const CRON_EVERY_MS = 30_000;

async function main(args: string[]): Promise<number> {
  let stopping = false;
  for (const name of STOP_SIGNALS) process.on(name, () => (stopping = true));

  const { values } = parseArgs({
    args,
    strict: false,
    allowPositionals: true,
    options: { ip: { type: "string" }, port: { type: "string" }, "persist-to": { type: "string" } },
  });
  const port = Number(values.port ?? DEFAULT_PORT);
  const persistTo = typeof values["persist-to"] === "string" ? { persistTo: values["persist-to"] } : {};
  await checkFree(port, typeof values.ip === "string" ? values.ip : HOST);
  const { rootKey, made } = await devVars(".dev.vars");
  if (made) console.log("Made .dev.vars with new secrets");
  await migrate(persistTo.persistTo);
  if (stopping) return 0;

  const router = await launch({ port, ...persistTo, args }).catch((error: unknown) => {
    if (stopping) return null;
    throw error;
  });
  if (router === null) return 0;
  console.log(greeting(router.url, rootKey));
  const cron = keepFiring(router);
  const code = await router.exited;
  await cron;
  return stopping ? 0 : code || 1;
}

async function checkFree(port: number, host: string): Promise<void> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error("--port is a number from 0 to 65535");
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(port, host, resolve);
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    throw new Error(`Port ${port} is not free. Choose another: npm start -- --port ${port + 1}`, { cause: error });
  }
  server.close();
}

/** Fires the cron now and every 30 s until the router ends. A failure is reported and the next one tried. */
async function keepFiring(router: Router): Promise<void> {
  const over = new AbortController();
  const abort = () => over.abort();
  router.exited.then(abort, abort);
  const fire = async () => {
    try {
      await router.fireCron();
    } catch (error) {
      if (!over.signal.aborted) console.error(String(error));
    }
  };
  await fire();
  try {
    for await (const _ of setInterval(CRON_EVERY_MS, undefined, { signal: over.signal })) await fire();
  } catch {
    // Only the abort ends up here: the router is gone.
  }
}

function greeting(url: string, rootKey: string): string {
  return `
Fantail listens on ${url}
Open the dashboard, signed in: ${dashboardLink(url, rootKey)}

Root key, from .dev.vars: ${rootKey}
API reference: ${url}/docs

Publish an event:
  curl ${url}/v1/events \\
    -H 'authorization: Bearer ${rootKey}' \\
    -H 'content-type: application/json' \\
    -d '{"type": "order.created", "data": {"total": 120}}'

Ctrl-C ends it.
`;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
