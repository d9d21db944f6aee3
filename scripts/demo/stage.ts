/**
 * Sets the demo up and plays it: router, consumers, keys, subscriptions, then the publishing and the wait for what is to come.
 * It judges nothing and shows only progress.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createClient, type Client } from "../../src/client/index.ts";
import { dashboardLink } from "../dashboard-link.ts";
import { freePort } from "../free-port.ts";
import { startRouter } from "../router.ts";
import { expectedOf } from "./expect.ts";
import { startConsumer, type Consumer } from "./fleet.ts";
import { loadExamples, type Example } from "./payloads.ts";
import { newPublications, publish, type Publications } from "./publish.ts";
import { enter, missing, newScore, type Score } from "./score.ts";
import { progress, say } from "./screen.ts";
import { PLANS } from "./subscriptions.ts";

/** After the last expected receipt: time for what must not come. */
const QUIET_MS = 1_500;
const POLL_MS = 50;
/** The local runtime fires no cron by itself: the sweep is what finds a delivery whose queue message was lost. */
const CRON_MS = 20_000;
/** Every so many-th event is published once more. */
const REPEAT_EVERY = 60;

/** How a run ends, and what it leaves to be undone. */
export interface Run {
  readonly signal: AbortSignal;
  /** Ends the run: one of its processes ended before its time. */
  readonly fail: (reason: Error) => void;
  /** Called in reverse order at the end, however it ends. */
  readonly cleanups: (() => Promise<unknown>)[];
}

export interface Scene {
  readonly url: string;
  readonly rootKey: string;
  readonly root: Client;
  readonly publishKey: string;
  readonly examples: readonly Example[];
  /** Those that are published twice. */
  readonly repeated: readonly Example[];
  readonly scores: readonly Score[];
  readonly publications: Publications;
  /** Repetitions that the router has recognised; null as long as it was not asked. */
  duplicates: number | null;
}

/** Everything up to the first publish. */
export async function setUp(run: Run): Promise<Scene> {
  const examples = loadExamples();
  const publications = newPublications();
  const scores = PLANS.map((plan) => newScore(plan, expectedOf(plan.name, examples)));

  progress("Starting the router and three consumers …");
  const state = await mkdtemp(join(tmpdir(), "fantail-demo-"));
  run.cleanups.push(() => rm(state, { recursive: true, force: true }));
  const port = await freePort();
  // References carry links, which need the router's own host. As it is refused as a sink, it is not the consumers' 127.0.0.1.
  const vars = { PUBLIC_HOST: `localhost:${port}` };
  const starting = startRouter({ port, persistTo: state, vars, quiet: true, signal: run.signal });
  const fleet = Promise.all(scores.map((score) => recruit(score, publications, run)));
  run.cleanups.push(async () => (await starting).stop());
  const [router, consumers] = await Promise.all([starting, fleet]);
  router.exited.then(
    (code) => run.fail(new Error(`The router ended with code ${code}\n${router.log()}`.trimEnd())),
    run.fail,
  );
  const cron = setInterval(() => void router.fireCron().catch(() => {}), CRON_MS);
  run.cleanups.push(async () => clearInterval(cron));
  say(`router    ${router.url}, with throw-away state in ${state}`);
  say(`dashboard ${dashboardLink(router.url, router.rootKey)}`);

  const root = createClient({ url: router.url, key: router.rootKey });
  await subscribe(root, consumers);
  return {
    url: router.url,
    rootKey: router.rootKey,
    root,
    publishKey: await makeKey(root, "publish"),
    examples,
    repeated: examples.filter((_, index) => index % REPEAT_EVERY === 0),
    scores,
    publications,
    duplicates: null,
  };
}

async function recruit(score: Score, publications: Publications, run: Run): Promise<Consumer> {
  const starting = startConsumer(score.plan, (receipt) =>
    enter(score, receipt, (id) => publications.events.get(id)?.startedMs),
  );
  run.cleanups.push(async () => (await starting).stop());
  const consumer = await starting;
  consumer.broken.catch(run.fail);
  return consumer;
}

async function makeKey(root: Client, scope: "publish" | "read"): Promise<string> {
  return (await root.keys.create({ name: `demo ${scope}`, scopes: [scope] })).key;
}

async function subscribe(root: Client, consumers: readonly Consumer[]): Promise<void> {
  const readKey = await makeKey(root, "read");
  let effectiveMs = 0;
  for (const { plan, sink, configure } of consumers) {
    const { name, format, subscription } = plan;
    const { secret = "", effective_at } = await root.subscriptions.create({ name, sink, format, ...subscription });
    await configure({ secret, readKey });
    effectiveMs = Math.max(effectiveMs, Date.parse(effective_at));
    say(`${plan.name.padEnd(8)}  ${sink} takes ${plan.takes} (${plan.format})`);
  }
  progress("Waiting until the subscriptions are in effect everywhere …");
  await delay(Math.max(0, effectiveMs - Date.now()));
}

/** Publishes everything and waits until what is to come has come, or something is wrong. */
export async function play(scene: Scene, { signal }: Run): Promise<void> {
  const { url, publishKey: key, examples, repeated, scores, publications } = scene;
  const wrong = () => publications.refused.length > 0 || scores.some(({ faults }) => faults.length > 0);
  const until = async (condition: () => boolean | Promise<boolean>) => {
    while (!wrong() && !(await condition())) await delay(POLL_MS, undefined, { signal });
  };
  const showing = setInterval(() => progress(progressOf(scene)), POLL_MS);
  try {
    await publish(examples, { url, key, signal }, publications);
    await publish(repeated, { url, key, signal }, publications);
    await until(() => scores.every((score) => missing(score).length === 0));
    await until(async () => (scene.duplicates = await duplicatesOf(scene)) >= repeated.length);
    await delay(QUIET_MS, undefined, { signal });
  } finally {
    clearInterval(showing);
  }
}

async function duplicatesOf({ root, repeated, publications }: Scene): Promise<number> {
  const ids = repeated.map(({ event }) => publications.events.get(event.id)?.eventId ?? "");
  const events = await Promise.all(ids.map((id) => root.events.get(id)));
  return events.reduce((sum, { duplicates }) => sum + duplicates, 0);
}

function progressOf({ examples, repeated, publications, scores }: Scene): string {
  const received = scores.map(({ plan, delivered, expected }) => `${plan.name} ${delivered.size}/${expected.size}`);
  return `published ${publications.accepted}/${examples.length + repeated.length} · received: ${received.join(", ")}`;
}
