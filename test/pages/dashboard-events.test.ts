// Events in the dashboard, as a person uses the pages: followed, searched, looked at, explained, published, erased. Router, sink and browser are real.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { HAS_BROWSER } from "./chromium.ts";
import { HANG_MS, overflowOf, startRig, violationsOf, type Rig } from "./dashboard-rig.ts";
import { LOOK_NAMES, LOOKS } from "./screenshots.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import { startSinks } from "../sinks.ts";

let rig: Rig;
let failing: SinkClient;

beforeAll(async () => {
  const started = await startRig();
  const sinks = await startSinks();
  rig = started;
  failing = sink("failing", sinks.url);
  await failing.program([], { status: 503, body: "Down for maintenance" });
  await rig.client.subscriptions.create({ name: "billing", sink: `${sinks.url}/s/billing`, types: ["order.paid"] });
  await rig.client.subscriptions.create({
    name: "shipping",
    sink: failing.url,
    types: ["order.paid"],
    filters: [{ prefix: { subject: "eu/" } }],
  });
  return async () => {
    await started.stop();
    await sinks.stop();
  };
}, HANG_MS);

let count = 0;

/** Publishes one, and waits until it is on record. */
async function recorded(event: { readonly type: string; readonly subject?: string; readonly id?: string }) {
  count += 1;
  const data = { order_id: `A-${count}`, total: 129.5, note: "it's ours" };
  const { event_id } = await rig.client.publish({ id: `id-${count}`, source: "/shop", data, ...event });
  await expect.poll(() => isRecorded(event_id), { timeout: HANG_MS / 4 }).toBe(true);
  return event_id;
}

const isRecorded = (eventId: string): Promise<boolean> =>
  rig.client.events.get(eventId).then(
    () => true,
    () => false,
  );

const TAIL = { name: "live events" };

/** Replaces what stands in the editor. */
async function type(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Event" }).click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText(text);
}

describe.skipIf(!HAS_BROWSER)("events", { timeout: HANG_MS }, () => {
  test("an event that is published meanwhile comes in, also after the stream was cut", async () => {
    const { page, wrongs } = await rig.openSignedIn("/events");
    await page.getByRole("button", { name: "Live" }).click();
    await page.waitForURL("**/events?live=yes");
    await page.getByRole("status").getByText("Live", { exact: true }).waitFor();
    await recorded({ type: "live.first" });
    await page.getByRole("table", TAIL).getByText("live.first").waitFor();
    await page.context().setOffline(true);
    await recorded({ type: "live.missed" });
    await page.context().setOffline(false);
    await page.getByRole("table", TAIL).getByText("live.missed").waitFor();
    await recorded({ type: "live.last" });
    await page.getByRole("table", TAIL).getByText("live.last").waitFor();
    const types = await page.getByRole("table", TAIL).getByRole("link").allInnerTexts();
    expect(types.slice(0, 3)).toEqual(["live.last", "live.missed", "live.first"]);
    expect(wrongs).toEqual([]);
  });

  test("a router that is down is told in one line; when it is back, the tail goes on", async () => {
    const { page } = await rig.openSignedIn("/events?live=yes");
    await page.getByRole("status").getByText("Live", { exact: true }).waitFor();
    const banner = page.getByRole("alert").filter({ hasText: "The router cannot be reached" });
    await rig.whileDown(() => banner.waitFor());
    await page.getByRole("status").getByText("Live", { exact: true }).waitFor();
    await banner.waitFor({ state: "detached" });
    await recorded({ type: "live.restarted" });
    await page.getByRole("table", TAIL).getByText("live.restarted").waitFor();
  });

  test("a tail that is paused keeps what comes until one looks", async () => {
    const { page } = await rig.openSignedIn("/events?live=yes&type=tail.paused");
    await page.getByRole("button", { name: "Pause" }).click();
    await recorded({ type: "tail.paused" });
    await page.getByRole("button", { name: "Show 1 new" }).waitFor();
    expect(await page.getByRole("table", TAIL).count()).toBe(0);
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("table", TAIL).getByText("tail.paused").waitFor();
  });

  test("an event is found by its producer's id, and by its own goes straight to its page", async () => {
    const eventId = await recorded({ type: "search.me", id: "P-1" });
    const { page, wrongs } = await rig.openSignedIn("/events");
    await page.getByLabel("Id", { exact: true }).fill("P-1");
    await page.keyboard.press("Enter");
    await expect
      .poll(() => page.getByRole("table", { name: "events" }).getByRole("link").allInnerTexts())
      .toEqual(["search.me"]);
    await page.getByLabel("Id", { exact: true }).fill(eventId);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/events/${eventId}`);
    await page.getByRole("heading", { name: "search.me", level: 1 }).waitFor();
    expect(wrongs).toEqual([]);
  });

  test("one event shows its deliveries with answers, and which condition of a subscription fails", async () => {
    const eventId = await recorded({ type: "order.paid", subject: "us/1" });
    const { page, wrongs } = await rig.openSignedIn(`/events/${eventId}`);
    await page.getByRole("table", { name: "deliveries" }).getByText("delivered").waitFor();
    await expect
      .poll(() => page.getByRole("table", { name: "deliveries" }).getByRole("link").allInnerTexts())
      .toEqual(["billing"]);
    await page.getByLabel("Subscription").selectOption({ label: "shipping" });
    await page.getByText("shipping does not take it: 1 of 2 conditions is not met").waitFor();
    const failed = page.getByRole("table", { name: "conditions of shipping" }).getByRole("row").nth(1);
    expect((await failed.innerText()).split(/\s+/)).toEqual([
      "/filters/0/prefix/subject",
      "not",
      "met",
      '"eu/"',
      '"us/1"',
    ]);
    expect(wrongs).toEqual([]);
  });

  test("the answer of a sink that fails is there to read", async () => {
    const eventId = await recorded({ type: "order.paid", subject: "eu/2" });
    const { page } = await rig.openSignedIn(`/events/${eventId}`);
    const happened = page.getByRole("list", { name: "What happened" });
    await happened.getByText("Down for maintenance").waitFor();
    await happened.getByText("503").waitFor();
    await happened.getByText("next attempt").waitFor();
  });

  test("a delivery that failed is tried again from the page of its event", async () => {
    const eventId = await recorded({ type: "order.paid", subject: "eu/5" });
    const { page } = await rig.openSignedIn(`/events/${eventId}`);
    const row = page.getByRole("row", { name: /shipping/ });
    await row.getByText("503").waitFor();
    await failing.program([{ status: 200 }], { status: 503, body: "Down for maintenance" });
    await row.getByRole("button", { name: "Retry now" }).click();
    await row.getByText("delivered").waitFor();
    await page.getByRole("list", { name: "What happened" }).getByText("Attempt 2").waitFor();
  });

  test("an event with a number that a browser rounds says so, and is not copied", async () => {
    const { url, rootKey } = rig.router;
    const answer = await fetch(`${url}/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${rootKey}`, "content-type": "application/json" },
      body: '{"type": "big.number", "data": {"n": 12345678901234567890}}',
    });
    const { events } = await answer.json<{ events: readonly { event_id: string }[] }>();
    const { page } = await rig.openSignedIn(`/events/${events[0]?.event_id}`);
    await page.getByText("A number in it is too large for a browser").waitFor();
    expect(await page.getByRole("button", { name: "Copy as curl" }).count()).toBe(0);
  });

  test("the command that is copied publishes the same event", async () => {
    const eventId = await recorded({ type: "copy.me" });
    const { page } = await rig.openSignedIn(`/events/${eventId}`);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy as curl" }).click();
    await page.getByText("Copied").waitFor();
    const command = await page.evaluate<string>("navigator.clipboard.readText()");
    expect(command).not.toContain(rig.router.rootKey);
    const { stdout } = await promisify(execFile)("sh", ["-c", command], {
      env: { ...process.env, FANTAIL_KEY: rig.router.rootKey },
    });
    expect(JSON.parse(stdout)).toMatchObject({ accepted: 1, events: [{ event_id: eventId }] });
  });

  test("what is no event is refused in one line before it is sent; a good one is published and explained", async () => {
    const { page, wrongs } = await rig.openSignedIn("/events");
    await page.getByRole("button", { name: "Publish an event" }).click();
    const form = page.getByRole("form", { name: "Publish an event" });
    await type(page, "{ no");
    await form.getByRole("button", { name: "Publish" }).click();
    await form.getByText(/The body is not valid JSON at line 1, column 3/).waitFor();
    await type(page, '{"data": 1}');
    await form.getByRole("button", { name: "Publish" }).click();
    await form.getByRole("status").getByText("type is required").first().waitFor();
    await type(page, '{"type": "order.paid", "subject": "us/3", "data": 12345678901234567890}');
    await form.getByRole("button", { name: "Publish" }).click();
    await form
      .getByText(/cannot hold the number 12345678901234567890 exactly/)
      .first()
      .waitFor();
    await type(page, '{"type": "order.paid", "subject": "us/3", "data": {"total": 1}}');
    await form.getByRole("button", { name: "Publish" }).click();
    await form.getByText("1 subscription takes it").waitFor();
    await form.locator("summary").filter({ hasText: "shipping" }).click();
    await form.getByText("/filters/0/prefix/subject").waitFor();
    await form.getByRole("link", { name: /^evt_/ }).click();
    await page.getByRole("heading", { name: "order.paid", level: 1 }).waitFor();
    expect(wrongs).toEqual([]);
  });

  test("a key that only publishes gets the form, and is told what it may not see", async () => {
    const { key } = await rig.client.keys.create({ name: "producer", scopes: ["publish"] });
    const { page, wrongs } = await rig.openSignedIn("/events", { key });
    await page.getByText("This key may not see events").waitFor();
    const form = page.getByRole("form", { name: "Publish an event" });
    await form.locator(".cm-content").waitFor();
    await form.getByRole("button", { name: "Publish" }).click();
    await form.getByText("accepted").waitFor();
    expect(await form.getByRole("link").count()).toBe(0);
    expect(wrongs).toEqual([]);
  });

  test("an event is erased once it is confirmed, and not by a key that reads", async () => {
    const eventId = await recorded({ type: "erase.me" });
    const { key } = await rig.client.keys.create({ name: "reader", scopes: ["read"] });
    const reader = await rig.openSignedIn(`/events/${eventId}`, { key });
    await reader.page.getByRole("button", { name: "Copy as curl" }).waitFor();
    expect(await reader.page.getByRole("button", { name: "Erase…" }).count()).toBe(0);
    const { page } = await rig.openSignedIn(`/events/${eventId}`);
    await page.getByRole("button", { name: "Erase…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    expect((await rig.client.events.get(eventId)).erased_at).toBeNull();
    await page.getByRole("button", { name: "Erase…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Erase" }).click();
    await page.getByText("It is erased").waitFor();
    expect((await rig.client.events.get(eventId)).event).toBeNull();
  });

  test("an event that does not exist is told in one line", async () => {
    const { page } = await rig.openSignedIn(`/events/evt_${"0".repeat(26)}`);
    await page.getByRole("alert").getByText("The event cannot be loaded").waitFor();
  });

  test.each(LOOK_NAMES)("the pages are accessible and fit: %s", async (look) => {
    const eventId = await recorded({ type: "order.paid", subject: "eu/4" });
    const paths = { events: "/events", event: `/events/${eventId}`, publish: "/events?publish=new" };
    for (const [name, path] of Object.entries(paths)) {
      const { page, wrongs } = await rig.openSignedIn(path, LOOKS[look]);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      if (name === "event") await page.getByText("Down for maintenance").waitFor();
      if (name === "publish") await page.locator(".cm-content").waitFor();
      expect(await violationsOf(page), name).toEqual([]);
      expect(await overflowOf(page), name).toBeLessThanOrEqual(0);
      expect(wrongs, name).toEqual([]);
    }
  });
});
