// The overview of the dashboard, as a person uses it: a first event, then charts and sinks in trouble. Router, sink and browser are real.
import { beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { HAS_BROWSER } from "./chromium.ts";
import { HANG_MS, overflowOf, startRig, violationsOf, type Rig } from "./dashboard-rig.ts";
import { writePast } from "./past.ts";
import { IS_PICTURED, LOOK_NAMES, LOOKS, screenshot } from "./screenshots.ts";
import { sink } from "../sink-client.ts";
import { startSinks } from "../sinks.ts";

let rig: Rig;
let sinksUrl = "";

beforeAll(async () => {
  const started = await startRig();
  const sinks = await startSinks();
  rig = started;
  sinksUrl = sinks.url;
  return async () => {
    await started.stop();
    await sinks.stop();
  };
}, HANG_MS);

const TYPES = ["order.created", "order.paid", "order.cancelled", "customer.signed-up"];

/** Events of a small shop: two subscriptions that are well, and one whose sink is down. */
async function lively(): Promise<void> {
  const down = sink("down", sinksUrl);
  await down.program([], { status: 503, body: "Down for maintenance" });
  const analytics = sink("analytics", sinksUrl);
  await analytics.program([], { delayMs: 60 });
  await rig.client.subscriptions.create({ name: "billing", sink: `${sinksUrl}/s/billing`, types: ["order.paid"] });
  await rig.client.subscriptions.create({ name: "analytics", sink: analytics.url });
  await rig.client.subscriptions.create({ name: "shipping", sink: down.url, types: ["order.paid"] });
  const events = Array.from({ length: 120 }, (_, index) => ({
    type: TYPES[(index * 7) % TYPES.length] ?? "order.created",
    source: "/shop",
    subject: `eu/${1000 + index}`,
    data: { order_id: `A-${1000 + index}`, total: 12.5 * index, currency: "EUR" },
  }));
  await rig.client.publish(events, { batchEvents: 20 });
  await expect.poll(troubled, { timeout: HANG_MS / 2 }).toBe(1);
  await expect.poll(counted, { timeout: HANG_MS / 2 }).toBeGreaterThanOrEqual(120);
}

const troubled = async (): Promise<number> => (await rig.client.health.list({ breaker: "open" }).page()).data.length;
const counted = async (): Promise<number> => (await rig.client.metrics.get()).total.deliveries.delivered;

/** One that a sink did not take. */
async function failedEvent(): Promise<string> {
  const { data } = await rig.client.deliveries.list({ status: "retrying" }).page();
  return data.find(({ last_attempt }) => last_attempt?.status === 503)?.event_id ?? "";
}

describe.skipIf(!HAS_BROWSER)("overview", { timeout: HANG_MS }, () => {
  test("a first event: a subscription, an event, its delivery, each step by itself once it happened", async () => {
    const { page, wrongs } = await rig.openSignedIn("/");
    await page.getByRole("button", { name: "Make the subscription" }).click();
    await page.getByText("Enter the URL of a webhook").waitFor();
    await page.getByLabel("Sink").fill("nope");
    await page.keyboard.press("Enter");
    await page.locator(".fault").filter({ hasText: /sink/i }).waitFor();
    expect(await violationsOf(page)).toEqual([]);

    await page.getByLabel("Sink").fill(`${sinksUrl}/s/first`);
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "The command" }).getByText("/v1/events").waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.getByRole("button", { name: "Publish hello.world" }).click();
    await page.getByText("The sink answered 200").waitFor();
    expect(await page.getByRole("listitem").filter({ hasText: "(done)" }).count()).toBe(3);
    expect(await sink("first", sinksUrl).requests()).toHaveLength(1);
    await page.getByRole("button", { name: "To the overview" }).click();
    await page.getByText("Events per minute").first().waitFor();
    expect(wrongs).toEqual([]);
  });

  test("without a sink the first event is held; what is published elsewhere is seen", async () => {
    await rig.client.buses.put("empty", {});
    const { url, rootKey: key } = rig.router;
    const elsewhere = createClient({ url, key, bus: "empty" });
    const { page } = await rig.openSignedIn("/");
    await page.getByLabel("Bus").selectOption("empty");
    await page.getByRole("button", { name: "I have no sink yet" }).click();
    await page.getByText("and is paused").waitFor();
    await elsewhere.publish({ type: "from.elsewhere", data: {} });
    await page.getByRole("link", { name: "from.elsewhere" }).waitFor();
    await page.getByText("It is held until its subscription is active").waitFor();
  });

  test("figures, charts and the sinks in trouble are of the range in the URL", async () => {
    await lively();
    const { page, wrongs } = await rig.openSignedIn("/");
    await page.getByRole("figure", { name: /^Events per minute: Events \d/ }).waitFor();
    const trouble = page.getByRole("table", { name: "sinks in trouble" });
    await expect.poll(() => trouble.getByRole("link").allInnerTexts()).toEqual(["shipping"]);
    expect(await trouble.innerText()).toContain("open");
    await page.getByRole("button", { name: "30 d" }).click();
    await page.waitForURL("**/?range=30d");
    await page.getByRole("figure", { name: /^Events per minute/ }).waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    await page.reload();
    expect(await page.getByRole("button", { name: "30 d" }).getAttribute("aria-pressed")).toBe("true");
    await trouble.getByRole("link", { name: "shipping" }).click();
    await page.waitForURL("**/subscriptions/sub_*");
    expect(wrongs).toEqual([]);
  });

  test.each(["6h", "24h", "7d"])("the range %s is one that the router answers", async (range) => {
    const { page, wrongs } = await rig.openSignedIn(`/?range=${range}`);
    await page.getByRole("figure", { name: /^What sinks take/ }).waitFor();
    expect(wrongs).toEqual([]);
  });

  test("it is loaded again by itself", async () => {
    const { page } = await rig.openSignedIn("/");
    await page.getByRole("figure", { name: /^Events per minute/ }).waitFor();
    await page.waitForResponse((response) => response.url().includes("/v1/metrics?"));
  });

  test("a key that only publishes is told what it may not see, and led to what it may do", async () => {
    const { key } = await rig.client.keys.create({ name: "producer", scopes: ["publish"] });
    const { page, wrongs } = await rig.openSignedIn("/", { key });
    await page.getByText("This key may not see events and deliveries").waitFor();
    expect(await page.getByRole("navigation", { name: "Pages" }).getByRole("link").allInnerTexts()).toEqual([
      "Overview",
      "Events",
    ]);
    await page.getByRole("link", { name: "Publish an event" }).click();
    await page.getByRole("form", { name: "Publish an event" }).waitFor();
    expect(wrongs).toEqual([]);
  });

  test.runIf(IS_PICTURED)("pictures have an hour behind them", async () => {
    await rig.whileDown(() => writePast(rig.state, Date.now()));
    expect((await rig.client.metrics.get()).total.events).toBeGreaterThan(4000);
  });

  test.each(LOOK_NAMES)("the pages are accessible and fit: %s", async (look) => {
    const { page, wrongs } = await rig.openSignedIn("/", LOOKS[look]);
    await page.locator("canvas").nth(5).waitFor({ state: "attached" });
    await page.getByRole("table", { name: "sinks in trouble" }).waitFor();
    expect(await violationsOf(page)).toEqual([]);
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    expect(wrongs).toEqual([]);
    await screenshot(page, "overview", look);
  });

  test.runIf(IS_PICTURED).each(LOOK_NAMES)("pictures of other pages: %s", async (look) => {
    const signIn = await rig.open("/sign-in", LOOKS[look]);
    await signIn.page.getByRole("heading", { level: 1 }).waitFor();
    await screenshot(signIn.page, "sign-in", look);
    const events = await rig.openSignedIn("/events", LOOKS[look]);
    await events.page.getByRole("table", { name: "events" }).waitFor();
    await screenshot(events.page, "events", look);
    const event = await rig.openSignedIn(`/events/${await failedEvent()}`, LOOKS[look]);
    await event.page.getByText("Down for maintenance").first().waitFor();
    await screenshot(event.page, "event", look);
  });
});
