// The API reference at /docs, as the platform serves it and as a browser shows it. The router is a real one on this machine.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startRouter } from "../../scripts/router.ts";
import { HAS_BROWSER, launchChromium } from "./chromium.ts";

/** Only against a hang: two runtimes on a busy machine. */
const HANG_MS = 120_000;
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

let router: Awaited<ReturnType<typeof startRouter>>;

beforeAll(async () => {
  const state = await mkdtemp(join(tmpdir(), "fantail-pages-"));
  const started = await startRouter({ persistTo: state, quiet: true });
  router = started;
  return async () => {
    await started.stop();
    await rm(state, { recursive: true });
  };
}, HANG_MS);

const get = (path: string, init?: RequestInit) => fetch(router.url + path, { redirect: "manual", ...init });

describe("served", () => {
  test.each(["GET", "HEAD"])(
    "%s /docs is the page, with a strict policy and no script of its own in it",
    async (method) => {
      const answer = await get("/docs", { method });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(answer.headers.get("content-security-policy")).toBe(POLICY);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
      expect(answer.headers.get("cache-control")).toBe("public, max-age=0, must-revalidate");
      const text = await answer.text();
      expect(text.includes("<title>Fantail API reference</title>")).toBe(method === "GET");
      expect(text).not.toMatch(/<script>|<style|\son\w+=/);
    },
  );

  test("/docs/ leads to /docs, with its query", async () => {
    const answer = await get("/docs/?x=1");
    expect([answer.status, answer.headers.get("location")]).toEqual([307, "/docs?x=1"]);
  });

  test("an unchanged page is not sent again", async () => {
    const etag = (await get("/docs")).headers.get("etag") ?? "";
    expect((await get("/docs", { headers: { "if-none-match": etag } })).status).toBe(304);
  });

  test("what the page loads may be kept for ever, and has the types that nosniff asks for", async () => {
    const page = await (await get("/docs")).text();
    const paths = new Set([...page.matchAll(/(?:href|src)="(\/docs\/[^"]+)"/g)].map(([, path = ""]) => path));
    const types: Readonly<Record<string, string>> = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
    expect(paths.size).toBe(5);
    for (const path of paths) {
      const answer = await get(path);
      expect(answer.status, path).toBe(200);
      expect(answer.headers.get("cache-control"), path).toBe("public, max-age=31536000, immutable");
      expect(answer.headers.get("content-type"), path).toContain(types[path.split(".").at(-1) ?? ""]);
      expect(answer.headers.get("x-content-type-options"), path).toBe("nosniff");
      await answer.arrayBuffer();
    }
  });

  test.each(["/v1/nope", "/v1", "/nope", "/docs/nope", "/docs/nope/docs.js", "/_headers", "/_redirects", "/DOCS"])(
    "%s is nothing, and a problem",
    async (path) => {
      const answer = await get(path, { headers: { accept: "text/html", "sec-fetch-mode": "navigate" } });
      expect([answer.status, answer.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
      expect(answer.headers.get("cache-control")).toContain("no-store");
    },
  );

  test("the API answers itself what it is asked, however like a browser the request looks", async () => {
    const headers = { accept: "text/html", "sec-fetch-mode": "navigate" };
    const health = await get("/healthz", { headers });
    expect([health.status, health.headers.has("x-request-id")]).toEqual([200, true]);
    const refused = await get("/v1/subscriptions", { headers });
    expect([refused.status, refused.headers.get("content-type")]).toEqual([401, "application/problem+json"]);
    expect(refused.headers.has("content-security-policy")).toBe(false);
  });
});

describe.skipIf(!HAS_BROWSER)("in a browser", { timeout: HANG_MS }, () => {
  let browser: Browser;
  beforeAll(async () => {
    const launched = await launchChromium();
    browser = launched;
    return () => launched.close();
  }, HANG_MS);

  /** A page at the path with its operations shown, and what it did that it must not do. */
  async function open(path: string, options: BrowserContextOptions = {}): Promise<{ page: Page; wrongs: string[] }> {
    const context = await browser.newContext(options);
    onTestFinished(() => context.close());
    context.setDefaultTimeout(HANG_MS / 2);
    const page = await context.newPage();
    const wrongs: string[] = [];
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${router.url}/`) && !url.startsWith("data:")) wrongs.push(`asked ${url}`);
    });
    page.on("console", (message) => {
      // Chromium notes each refused request so, which a test may be after.
      const isRefusal = /status of 401/.test(message.text());
      if (["error", "warning"].includes(message.type()) && !isRefusal) wrongs.push(message.text());
    });
    page.on("pageerror", (error) => wrongs.push(String(error)));
    await page.goto(router.url + path);
    await page.locator(".opblock").first().waitFor();
    return { page, wrongs };
  }

  const list = (page: Page): Locator =>
    page.locator(".opblock-get").filter({ has: page.locator('[data-path="/v1/subscriptions"]') });

  /** Enters the key wherever one can be entered: the description may tell kinds of keys apart. */
  async function authorize(page: Page, key: string): Promise<void> {
    await page.locator(".auth-wrapper .authorize").click();
    const dialog = page.locator(".modal-ux");
    for (const form of await dialog.locator("form").all()) {
      await form.locator("input").fill(key);
      await form.locator("button[type=submit]").click();
    }
    await dialog.locator(".btn-done").first().click();
  }

  /** Opens the list of subscriptions and asks for it; what the page then says of the answer. */
  async function execute(page: Page): Promise<string> {
    const operation = list(page);
    await operation.locator(".opblock-summary-control").click();
    await operation.locator(".execute").click();
    return operation.locator(".live-responses-table .response").innerText();
  }

  const widthOf = (page: Page) => page.evaluate<number>("document.documentElement.scrollWidth");

  test("the page lists the operations, asks no other host, and breaks no rule of its policy", async () => {
    const { page, wrongs } = await open("/docs");
    expect(await page.title()).toBe("Fantail API reference");
    const { paths } = await (await get("/openapi.json")).json<{ paths: Record<string, Record<string, unknown>> }>();
    const methods = Object.values(paths).flatMap(Object.keys);
    const operations = methods.filter((name) => ["get", "put", "post", "patch", "delete"].includes(name));
    expect(await page.locator(".opblock").count()).toBe(operations.length);
    expect(wrongs).toEqual([]);
  });

  test("a key that is right shows the 200 and its duration, and the request as a command", async () => {
    const { page, wrongs } = await open("/docs");
    await authorize(page, router.rootKey);
    const answer = await execute(page);
    expect(answer).toMatch(/^200\b/);
    expect(answer).toContain('"next_cursor": null');
    expect(answer).toMatch(/\d+ ms/);
    expect(await list(page).locator(".request-snippets").innerText()).toContain("curl -X 'GET'");
    expect(wrongs).toEqual([]);
  });

  test("nothing is sent that nobody typed: optional fields are empty, and say what their default is", async () => {
    const { page } = await open("/docs");
    await execute(page);
    expect(await list(page).locator(".request-url pre").innerText()).toBe(`${router.url}/v1/subscriptions`);
    expect(await list(page).locator(".request-snippets").innerText()).not.toContain("fantail-bus");
    expect(await list(page).locator(".parameters").innerText()).toContain("Default: 50");
  });

  test("the example of NDJSON is sent as lines", async () => {
    const { page } = await open("/docs");
    await authorize(page, router.rootKey);
    const publish = page.locator("#operations-Events-publishEvents");
    await publish.locator(".opblock-summary-control").click();
    await publish.locator(".opblock-section-request-body .content-type").selectOption("application/x-ndjson");
    await publish.locator(".execute").click();
    const answer = await publish.locator(".live-responses-table .response").innerText();
    expect(answer).toContain('{"status":"done","lines":2,"accepted":2,"rejected":0}');
  });

  test.each([
    ["Events-publishEvents", "Scope: publish."],
    ["Buses-getBus", "Scope: read or manage."],
    ["Buses-putBus", "The root key only."],
  ])("%s says who may do it", async (operation, told) => {
    const { page } = await open(`/docs#/${operation.replace("-", "/")}`);
    expect(await page.locator(`#operations-${operation} .opblock-description`).innerText()).toContain(told);
  });

  test("what needs no key says nothing of one", async () => {
    const { page } = await open("/docs#/Service/getHealth");
    const told = await page.locator("#operations-Service-getHealth .opblock-description").innerText();
    expect(told).not.toMatch(/Scope|root key/);
  });

  test("a wrong key shows the problem", async () => {
    const { page, wrongs } = await open("/docs");
    await authorize(page, "not-the-key");
    const answer = await execute(page);
    expect(answer).toMatch(/^401\b/);
    expect(answer).toContain("https://fantail.dev/problems/unauthorized");
    expect(wrongs).toEqual([]);
  });

  test("a key is gone with the page, and no browser is asked to remember it", async () => {
    const { page } = await open("/docs");
    await page.locator(".auth-wrapper .authorize").click();
    const field = page.locator(".modal-ux input").first();
    expect(await field.getAttribute("autocomplete")).toBe("off");
    expect(await field.getAttribute("spellcheck")).toBe("false");
    await page.keyboard.press("Escape");
    await authorize(page, router.rootKey);
    expect(await page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length")).toBe(0);
    await page.reload();
    expect(await execute(page)).toMatch(/^401\b/);
  });

  test("the address chooses no other description and no other settings", async () => {
    const { page, wrongs } = await open("/docs?url=https://example.com/openapi.json&persistAuthorization=true");
    expect(await page.locator(".info .title").innerText()).toContain("Fantail");
    expect(wrongs).toEqual([]);
  });

  test("it can be used with the keyboard alone", async () => {
    const { page } = await open("/docs");
    const control = list(page).locator(".opblock-summary-control");
    await control.focus();
    await page.keyboard.press("Enter");
    expect(await control.getAttribute("aria-expanded")).toBe("true");
    expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).not.toBe("none");
    await list(page).locator(".execute").focus();
    await page.keyboard.press("Enter");
    expect(await list(page).locator(".live-responses-table .response").innerText()).toMatch(/^401\b/);
  });

  test.each(["light", "dark"] as const)(
    "at 360 px in %s colours nothing is wider than the screen",
    async (colorScheme) => {
      const { page, wrongs } = await open("/docs", { viewport: { width: 360, height: 800 }, colorScheme });
      expect(await page.locator("html.dark-mode").count()).toBe(colorScheme === "dark" ? 1 : 0);
      expect(await widthOf(page)).toBe(360);
      await authorize(page, router.rootKey);
      expect(await execute(page)).toMatch(/^200\b/);
      // One with a body: its forms are the widest.
      const publish = page.locator(".opblock-post").first();
      await publish.locator(".opblock-summary-control").click();
      await publish.locator(".execute").waitFor();
      expect(await widthOf(page)).toBe(360);
      expect(wrongs).toEqual([]);
    },
  );
});
