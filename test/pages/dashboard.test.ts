// The dashboard as the platform serves it, its sign-in, and what all its pages have in common. The router is a real one on this machine.
import { dashboardLink } from "../../scripts/dashboard-link.ts";
import { beforeAll, describe, expect, test } from "vitest";
import { PATHS } from "../../src/dashboard/paths.ts";
import { HAS_BROWSER } from "./chromium.ts";
import { HANG_MS, overflowOf, startRig, violationsOf, type Rig } from "./dashboard-rig.ts";

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

let rig: Rig;

beforeAll(async () => {
  const started = await startRig();
  rig = started;
  return () => started.stop();
}, HANG_MS);

const get = (path: string, init?: RequestInit) => fetch(rig.router.url + path, { redirect: "manual", ...init });

describe("served", () => {
  test.each(Object.values(PATHS))("%s is the page, with a strict policy", async (path) => {
    const answer = await get(path.replace(":id", "x"), { headers: { "sec-fetch-mode": "navigate" } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("content-security-policy")).toBe(POLICY);
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.headers.get("cache-control")).toBe("public, max-age=0, must-revalidate");
    expect(await answer.text()).toContain("<title>Fantail</title>");
  });

  test.each(["/events/a/b", "/nope", "/dashboard", "/dashboard/index-00000000.js", "/metrics/nope"])(
    "%s is nothing, and a problem: for a browser, and for whoever else",
    async (path) => {
      for (const headers of [{ accept: "text/html", "sec-fetch-mode": "navigate" }, { accept: "*/*" }]) {
        const answer = await get(path, { headers });
        expect([answer.status, answer.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
      }
    },
  );

  test("what the page loads may be kept for ever", async () => {
    const page = await (await get("/")).text();
    const paths = [...page.matchAll(/(?:href|src)="(\/dashboard\/[^"]+)"/g)].map(([, path = ""]) => path);
    // Icon, styles, and scripts: the entry, and what it shares with the pages.
    expect(paths.length).toBeGreaterThanOrEqual(3);
    for (const path of paths) {
      const answer = await get(path);
      expect([answer.status, answer.headers.get("cache-control")], path).toEqual([
        200,
        "public, max-age=31536000, immutable",
      ]);
      await answer.arrayBuffer();
    }
  });
});

describe.skipIf(!HAS_BROWSER)("in a browser", { timeout: HANG_MS }, () => {
  test("a wrong key is refused in one line, at the field; the right one leads to where one wanted to go", async () => {
    const { page, wrongs } = await rig.open("/events?type=a.b");
    await page.getByLabel("Key", { exact: true }).fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    expect((await page.getByRole("alert").innerText()).split("\n")).toHaveLength(1);

    await page.getByLabel("Key", { exact: true }).fill(rig.router.rootKey);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Events", level: 1 }).waitFor();
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe("/events?type=a.b");
    expect(await page.getByLabel("Type", { exact: true }).inputValue()).toBe("a.b");
    expect(await page.title()).toBe("Events · Fantail");
    expect(wrongs).toEqual([]);
  });

  test("no key is asked for before anything is sent", async () => {
    const { page } = await rig.open("/sign-in");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Enter a key").waitFor();
    expect(await page.getByLabel("Key", { exact: true }).getAttribute("aria-invalid")).toBe("true");
  });

  test("a link with the key signs in, and leaves no key in the address or its history", async () => {
    const { page, wrongs } = await rig.open(dashboardLink("", rig.router.rootKey));
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    expect(page.url()).toBe(`${rig.router.url}/`);
    await page.goBack();
    expect(page.url()).not.toContain("key");
    expect(wrongs).toEqual([]);
    const refused = await rig.open(dashboardLink("", "not-a-key"));
    await refused.page.getByText("The key is not valid").waitFor();
    expect(refused.page.url()).toBe(`${rig.router.url}/sign-in`);
  });

  test("no page leads to another host after the sign-in", async () => {
    const { page, wrongs } = await rig.open("/sign-in?next=https://example.com/x");
    await page.getByLabel("Key", { exact: true }).fill(rig.router.rootKey);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    expect(new URL(page.url()).origin).toBe(rig.router.url);
    expect(wrongs).toEqual([]);
  });

  test("a session that is over says so, and one comes back to where one was", async () => {
    const { page } = await rig.openSignedIn("/deliveries?status=dead");
    await page.getByRole("button", { name: "Refresh" }).waitFor();
    await page.context().clearCookies();
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByText("The session has expired: sign in again").waitFor();
    await page.getByLabel("Key", { exact: true }).fill(rig.router.rootKey);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Deliveries", level: 1 }).waitFor();
    expect(new URL(page.url()).search).toBe("?status=dead");
  });

  test("who signs out is out, also after coming back", async () => {
    const { page } = await rig.openSignedIn("/events");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in to Fantail" }).waitFor();
    expect(await page.getByText("expired").count()).toBe(0);
    await page.goto(`${rig.router.url}/events`);
    await page.getByRole("heading", { name: "Sign in to Fantail" }).waitFor();
  });

  test("a router that is down is told in one line, until it answers again", async () => {
    const { page } = await rig.openSignedIn("/events");
    await page.getByRole("button", { name: "Refresh" }).waitFor();
    await page.context().setOffline(true);
    await page.getByRole("button", { name: "Refresh" }).click();
    const banner = page.getByText("The router cannot be reached: what is shown may be old.");
    await banner.waitFor();
    await page.context().setOffline(false);
    await page.getByRole("button", { name: "Retry" }).first().click();
    await banner.waitFor({ state: "detached" });
  });

  test("what a key may not do is not shown", async () => {
    const { key } = await rig.client.keys.create({ name: "reader", scopes: ["read"] });
    const { page } = await rig.openSignedIn("/events", { key });
    const links = page.getByRole("navigation", { name: "Pages" }).getByRole("link");
    await links.first().waitFor();
    expect(await links.allInnerTexts()).toEqual(["Overview", "Events", "Subscriptions", "Deliveries"]);
  });

  test("events are found by what is typed, and lead to their page", async () => {
    const { event_id } = await rig.client.publish({ type: "found.me", source: "/here", id: "1", data: {} });
    await rig.client.publish({ type: "not.me", source: "/here", id: "2", data: {} });
    await expect
      .poll(() =>
        rig.client.events.get(event_id).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    const { page, wrongs } = await rig.openSignedIn("/events");
    await page.getByLabel("Type", { exact: true }).fill("found.me");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/events?type=found.me");
    await page.getByRole("table", { name: "events" }).getByRole("link", { name: "found.me" }).click();
    await page.waitForURL(`**/events/${event_id}`);
    await page.goBack();
    await expect
      .poll(() => page.getByRole("table", { name: "events" }).getByRole("link").allInnerTexts())
      .toEqual(["found.me"]);
    expect(wrongs).toEqual([]);
  });

  test("the keyboard reaches the content at once, and a new page begins at its heading", async () => {
    const { page } = await rig.openSignedIn("/events");
    await page.getByRole("heading", { name: "Events", level: 1 }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.getByRole("link", { name: "Deliveries" }).press("Enter");
    await page.getByRole("heading", { name: "Deliveries", level: 1 }).waitFor();
    await expect.poll(() => page.evaluate("document.activeElement.textContent")).toBe("Deliveries");
  });

  describe.each(["light", "dark"] as const)("%s", (colorScheme) => {
    test.each(["/sign-in", "/events", "/deliveries"])("%s is accessible, and fits on 360 px", async (path) => {
      const options = { viewport: { width: 360, height: 800 }, colorScheme };
      const { page, wrongs } = await (path === "/sign-in" ? rig.open(path, options) : rig.openSignedIn(path, options));
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.locator("[aria-busy=true]").waitFor({ state: "detached" });
      expect(await violationsOf(page)).toEqual([]);
      expect(await overflowOf(page)).toBeLessThanOrEqual(0);
      expect(wrongs).toEqual([]);
    });
  });
});
