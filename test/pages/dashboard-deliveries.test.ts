// Deliveries in the dashboard, as a person uses the pages: searched, looked at, and tried again. Router, sink and browser are real.
import { beforeAll, describe, expect, test } from "vitest";
import { HAS_BROWSER } from "./chromium.ts";
import { HANG_MS, overflowOf, startRig, violationsOf, type Rig } from "./dashboard-rig.ts";
import { LOOK_NAMES, LOOKS, screenshot } from "./screenshots.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import { startSinks } from "../sinks.ts";

let rig: Rig;
let shipping: SinkClient;
let subscriptionId = "";

beforeAll(async () => {
  const started = await startRig();
  const sinks = await startSinks();
  rig = started;
  shipping = sink("shipping", sinks.url);
  const made = await rig.client.subscriptions.create({
    name: "shipping",
    sink: shipping.url,
    types: ["order.paid"],
    retry: { schedule_s: [] },
  });
  subscriptionId = made.id;
  await rig.client.subscriptions.create({ name: "billing", sink: `${sinks.url}/s/billing`, types: ["order.created"] });
  return async () => {
    await started.stop();
    await sinks.stop();
  };
}, HANG_MS);

/** A delivery that is dead after its only attempt. */
async function deadDelivery(): Promise<string> {
  await shipping.program([], { status: 500, body: "The database is gone" });
  const { event_id } = await rig.client.publish({ type: "order.paid", data: { total: 1 } });
  const find = async () => {
    const { data } = await rig.client.deliveries.list({ event_id, status: "dead" }).page();
    return data[0]?.id ?? "";
  };
  await expect.poll(find, { timeout: HANG_MS / 4 }).not.toBe("");
  return find();
}

describe.skipIf(!HAS_BROWSER)("deliveries", { timeout: HANG_MS }, () => {
  test("a dead delivery is found by its status and cause, and tried again with success", async () => {
    const id = await deadDelivery();
    const { page, wrongs } = await rig.openSignedIn("/deliveries");
    await page.getByLabel("Status").selectOption("dead");
    await page.getByLabel("Cause").fill("exhausted");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/deliveries?status=dead&cause=exhausted");
    const table = page.getByRole("table", { name: "deliveries" });
    await table.getByText("shipping").first().waitFor();
    await page.goto(`${rig.router.url}/deliveries/${id}`);
    const attempts = page.getByRole("list", { name: "Attempts" });
    await attempts.getByText("The database is gone").waitFor();
    expect(await attempts.getByRole("listitem").count()).toBe(1);

    await shipping.program([], { status: 204 });
    await page.getByRole("button", { name: "Retry now" }).click();
    await page.getByText("It is tried again now").waitFor();
    await attempts.getByText("204").waitFor();
    expect(await attempts.getByRole("listitem").count()).toBe(2);
    expect(await attempts.getByRole("listitem").first().innerText()).toContain("Attempt 2");
    await page.getByRole("button", { name: "Deliver again" }).waitFor();
    expect((await rig.client.deliveries.get(id)).status).toBe("delivered");
    expect(wrongs).toEqual([]);
  });

  test("a cause that none has leaves an empty list", async () => {
    await deadDelivery();
    const { page } = await rig.openSignedIn("/deliveries?cause=nope");
    await page.getByText("No deliveries").waitFor();
  });

  test("a key that reads does not retry", async () => {
    const id = await deadDelivery();
    const { key } = await rig.client.keys.create({ name: "reader", scopes: ["read"] });
    const { page } = await rig.openSignedIn(`/deliveries/${id}`, { key });
    await page.getByText("The database is gone").waitFor();
    expect(await page.getByRole("button", { name: "Retry now" }).count()).toBe(0);
  });

  test("an id that is none is told in one line", async () => {
    const { page } = await rig.openSignedIn("/deliveries?subscription_id=nope");
    const alert = page.getByRole("alert");
    await alert.getByText("The deliveries cannot be loaded").waitFor();
    expect(await alert.innerText()).toContain("subscription_id");
  });

  test("those of one subscription lead to their page", async () => {
    const id = await deadDelivery();
    const { page } = await rig.openSignedIn(`/deliveries?subscription_id=${subscriptionId}`);
    await page.getByRole("table", { name: "deliveries" }).getByRole("link").first().press("Enter");
    await page.waitForURL(`**/deliveries/${id}`);
  });

  test.each(LOOK_NAMES)("the pages are accessible and fit: %s", async (look) => {
    const id = await deadDelivery();
    const paths = { deliveries: "/deliveries", delivery: `/deliveries/${id}` };
    for (const [name, path] of Object.entries(paths)) {
      const { page, wrongs } = await rig.openSignedIn(path, LOOKS[look]);
      await page.getByText("shipping").first().waitFor({ state: "attached" });
      expect(await violationsOf(page), name).toEqual([]);
      expect(await overflowOf(page), name).toBeLessThanOrEqual(0);
      expect(wrongs, name).toEqual([]);
      await screenshot(page, name, look);
    }
  });
});
