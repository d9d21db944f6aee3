/**
 * `npm run bench:pages -- [--events N] [--write]`: how long each page of the dashboard takes to be usable, from its request, with next to nothing and with
 * very much on record. Exit code 1 when one takes over a second. `--write`: as docs/dashboard-speed.md. Through `wrangler dev`, whose own part is in both
 * figures: what counts is the ratio, and the second.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BrowserContext } from "playwright-core";
import { freePort } from "../../scripts/free-port.ts";
import { format, processor, versionOf } from "../../scripts/rig/document.ts";
import { startRouter } from "../../scripts/router.ts";
import { createClient, type Client } from "../../src/client/index.ts";
import { launchChromium } from "../../test/pages/chromium.ts";
import { median } from "../router/statistics.ts";
import { fill } from "./fill.ts";

const FEW_EVENTS = 20;
const LOADS = 7;
const USABLE_MS_MAX = 1_000;
const DOCUMENT = join(import.meta.dirname, "../../docs/dashboard-speed.md");

const { values } = parseArgs({
  options: { events: { type: "string", default: "100000" }, write: { type: "boolean", default: false } },
});
const events = Number(values.events);
if (!Number.isInteger(events) || events < 1) throw new Error("--events must be a whole number from 1");

/**
 * Resolves once there is nothing to wait for: the page has its heading and all of its data. Milliseconds since its request. As a text, which the page's policy
 * does not keep from whoever drives the browser.
 */
const USABLE_MS = `new Promise((resolve) => {
  const isUsable = () => document.querySelector("main h1") !== null && document.querySelector("main .loading, main [aria-busy=true]") === null;
  const look = () => isUsable() ? resolve(performance.now()) : requestAnimationFrame(look);
  look();
})`;

interface Case {
  readonly name: string;
  readonly path: string;
}

/** The pages, with what is newest where one thing is shown. */
async function cases(client: Client): Promise<readonly Case[]> {
  const [event] = (await client.events.list({ limit: 1 }).page()).data;
  const [delivery] = (await client.deliveries.list({ limit: 1 }).page()).data;
  const [subscription] = (await client.subscriptions.list({ limit: 1 }).page()).data;
  return [
    { name: "Overview", path: "/" },
    { name: "Events", path: "/events" },
    { name: "Events, a type that none has", path: "/events?type=none" },
    { name: "One event", path: `/events/${event?.event_id}` },
    { name: "Deliveries", path: "/deliveries" },
    { name: "Deliveries, dead ones", path: "/deliveries?status=dead" },
    { name: "One delivery", path: `/deliveries/${delivery?.id}` },
    { name: "Subscriptions", path: "/subscriptions" },
    { name: "One subscription", path: `/subscriptions/${subscription?.id}` },
    { name: "Keys", path: "/keys" },
    { name: "Buses", path: "/buses" },
    { name: "Audit", path: "/audit" },
  ];
}

/** Milliseconds from the request of the page to the moment when it is usable, of several loads with a warm cache of the browser. */
async function measure(context: BrowserContext, url: string): Promise<number> {
  const taken: number[] = [];
  for (let load = 0; load <= LOADS; load += 1) {
    const page = await context.newPage();
    await page.goto(url, { waitUntil: "commit" });
    const ms = await page.evaluate<number>(USABLE_MS);
    // The first one fills the caches.
    if (load > 0) taken.push(ms);
    await page.close();
  }
  return median(taken);
}

const sink = createServer((request, response) => {
  request.resume().on("end", () => response.writeHead(204).end());
});
const sinkPort = await freePort();
await new Promise<void>((resolve) => {
  sink.listen(sinkPort, "127.0.0.1", resolve);
});
const state = await mkdtemp(join(tmpdir(), "fantail-pages-bench-"));
const vars = { ROOT_KEY: randomBytes(24).toString("hex"), ENCRYPTION_KEY: randomBytes(32).toString("base64") };
const port = await freePort();
const browser = await launchChromium();

/** By the names of the cases. */
async function measureAll(prepare: (client: Client) => Promise<void>): Promise<Map<string, number>> {
  const router = await startRouter({ port, persistTo: state, quiet: true, vars });
  const context = await browser.newContext();
  try {
    const client = createClient({ url: router.url, key: router.rootKey });
    await prepare(client);
    await context.request.post(`${router.url}/v1/session`, { data: { key: router.rootKey } });
    const taken = new Map<string, number>();
    for (const { name, path } of await cases(client)) taken.set(name, await measure(context, router.url + path));
    return taken;
  } finally {
    await context.close();
    await router.stop();
  }
}

async function publishFew(client: Client): Promise<void> {
  for (const name of ["billing", "stock"])
    await client.subscriptions.create({ name, sink: `http://127.0.0.1:${sinkPort}/${name}` });
  await client.publish(Array.from({ length: FEW_EVENTS }, (_, place) => ({ type: "order.created", data: { place } })));
  for (;;) {
    const { data } = await client.deliveries.list({ status: "delivered", limit: 200 }).page();
    if (data.length === FEW_EVENTS * 2) return;
  }
}

const few = await measureAll(publishFew);
fill(state, events);
const many = await measureAll(async () => {});
await browser.close();
sink.close();
await rm(state, { recursive: true });

const count = events.toLocaleString("en-US");
const rows = [...few].map(([name, fewMs]) => {
  const manyMs = many.get(name) ?? Number.NaN;
  return `| ${name} | ${Math.round(fewMs)} | ${Math.round(manyMs)} | ${(manyMs / fewMs).toFixed(2)} |`;
});
const document = `# How fast the dashboard is

From the request of a page until it is usable: its heading and all of its data are there. Milliseconds, the median of ${LOADS} loads in a headless Chromium
that has the page's scripts already, from a router on the same machine; with ${FEW_EVENTS} events on record, and with ${count}, each with two deliveries, and two days of
minutes counted. Written by \`npm run bench:pages -- --write\`. Machine: ${processor()}, Node ${process.versions.node}, Fantail ${versionOf()}, ${new Date().toISOString().slice(0, 10)}.
The local runtime's development server has a part in both.

| page | ${FEW_EVENTS} events | ${count} events | ratio |
| ---- | ----: | ----: | ----: |
${rows.join("\n")}
`;
console.log(document);
if (values.write) {
  await writeFile(DOCUMENT, document);
  format(DOCUMENT);
}
const slow = [...many].filter(([, ms]) => !(ms <= USABLE_MS_MAX));
for (const [name, ms] of slow) console.error(`OVER ${USABLE_MS_MAX} ms: ${name}, ${Math.round(ms)} ms`);
process.exitCode = slow.length === 0 ? 0 : 1;
