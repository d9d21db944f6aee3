/** A router on this machine and a browser before it, for the tests of the dashboard's pages. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { randomSecret, startRouter, type Router } from "../../scripts/router.ts";
import { createClient, type Client } from "../../src/client/index.ts";
import { HAS_BROWSER, launchChromium } from "./chromium.ts";

/** Only against a hang: two runtimes on a busy machine. */
export const HANG_MS = 120_000;

export interface Rig {
  readonly router: Router & { readonly rootKey: string };
  /** The directory of its database. */
  readonly state: string;
  /** With the root key, on the bus `default`. */
  readonly client: Client;
  /** A page at the path, with nobody signed in, and what it did that it must not do. */
  open(path: string, options?: BrowserContextOptions): Promise<Opened>;
  /** The same, signed in with the key (else the root key). */
  openSignedIn(path: string, options?: BrowserContextOptions & { readonly key?: string }): Promise<Opened>;
  /** Stops the router, does that, and has it back: with the same data, secrets and port. */
  whileDown(act: () => Promise<void> | void): Promise<void>;
  stop(): Promise<void>;
}

interface Opened {
  readonly page: Page;
  /** Requests of other hosts, what the policy refused, errors and warnings. Empty when all is well. */
  readonly wrongs: readonly string[];
}

/** Starts both. Without a browser only the router: `open` throws then. */
export async function startRig(): Promise<Rig> {
  const state = await mkdtemp(join(tmpdir(), "fantail-dashboard-"));
  const vars = { ROOT_KEY: randomSecret(), ENCRYPTION_KEY: randomSecret() };
  const start = (port?: number) =>
    startRouter({ persistTo: state, quiet: true, vars, ...(port === undefined ? {} : { port }) });
  const router = await start();
  let running: Router = router;
  const browser = HAS_BROWSER ? await launchChromium() : null;
  const open: Rig["open"] = (path, options = {}) => opened({ browser, router, path, options, key: null });
  return {
    router,
    state,
    client: createClient({ url: router.url, key: router.rootKey }),
    open,
    openSignedIn: (path, { key = router.rootKey, ...options } = {}) => opened({ browser, router, path, options, key }),
    async whileDown(act) {
      await running.stop();
      await act();
      running = await start(Number(new URL(router.url).port));
    },
    async stop() {
      await browser?.close();
      await running.stop();
      await rm(state, { recursive: true });
    },
  };
}

interface Opening {
  readonly browser: Browser | null;
  readonly router: Router;
  readonly path: string;
  readonly options: BrowserContextOptions;
  readonly key: string | null;
}

async function opened({ browser, router, path, options, key }: Opening): Promise<Opened> {
  if (browser === null) throw new Error("There is no browser: skip the test without HAS_BROWSER");
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  context.setDefaultTimeout(HANG_MS / 2);
  if (key !== null) {
    const answer = await context.request.post(`${router.url}/v1/session`, { data: { key } });
    if (answer.status() !== 201) throw new Error(`Nobody is signed in: ${await answer.text()}`);
  }
  const page = await context.newPage();
  const wrongs: string[] = [];
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${router.url}/`) && !url.startsWith("data:")) wrongs.push(`asked ${url}`);
  });
  page.on("console", (message) => {
    // Chromium notes each refused or lost request so, which a test may be after.
    const isAnswer = /status of \d{3}|net::ERR_/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !isAnswer) wrongs.push(message.text());
  });
  page.on("pageerror", (error) => wrongs.push(String(error)));
  await page.goto(router.url + path);
  return { page, wrongs };
}

/** What axe finds against WCAG 2.2 AA: the rule, and where. Empty when all is well. */
export async function violationsOf(page: Page): Promise<string[]> {
  // Not as a script of the page, which its policy would refuse.
  await page.evaluate(axe.source);
  const tags = JSON.stringify(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]);
  return page.evaluate<string[]>(
    `axe.run(document, { runOnly: ${tags} }).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ": " + nodes.map(({ target }) => target.join(" ")).join(", ")))`,
  );
}

/** By how many pixels the page is wider than the screen. */
export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
