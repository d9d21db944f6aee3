// The page of buses, as whoever has the root key uses it.
import { beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { HAS_BROWSER } from "./chromium.ts";
import { HANG_MS, overflowOf, startRig, violationsOf, type Rig } from "./dashboard-rig.ts";
import { LOOK_NAMES, LOOKS, screenshot } from "./screenshots.ts";

let rig: Rig;

beforeAll(async () => {
  const started = await startRig();
  rig = started;
  return () => started.stop();
}, HANG_MS);

describe.skipIf(!HAS_BROWSER)("in a browser", { timeout: HANG_MS }, () => {
  test("a bus is made, set, and can be looked at", async () => {
    const { page, wrongs } = await rig.openSignedIn("/buses");
    await page.getByRole("button", { name: "New bus" }).click();
    await page.getByLabel("Name", { exact: true }).fill("staging");
    await page.getByLabel("Retention (days)").fill("31");
    await page.getByRole("button", { name: "Create the bus" }).click();
    await page.getByText("retention_days must be at most 30", { exact: true }).waitFor();
    await page.getByLabel("Retention (days)").fill("3");
    await page.getByRole("button", { name: "Create the bus" }).click();
    await page.getByRole("table", { name: "buses" }).getByText("staging").waitFor();
    expect((await rig.client.buses.get("staging")).retention_days).toBe(3);

    await page.getByRole("button", { name: "Settings of staging" }).click();
    await page.getByLabel("Log level").selectOption({ label: "failures: only what was not delivered at once" });
    await page.getByLabel("Retention (days)").fill("");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved").waitFor();
    expect(await rig.client.buses.get("staging")).toMatchObject({ retention_days: null, log_level: "failures" });
    await page.getByLabel("Bus", { exact: true }).selectOption("staging");
    expect(wrongs).toEqual([]);
  });

  test("one that is there already is not set by making it", async () => {
    await rig.client.buses.put("taken", { retention_days: 5 });
    const { page } = await rig.openSignedIn("/buses");
    await page.getByRole("button", { name: "New bus" }).click();
    await page.getByLabel("Name", { exact: true }).fill("taken");
    await page.getByRole("button", { name: "Create the bus" }).click();
    await page.getByRole("alert").waitFor();
    expect((await rig.client.buses.get("taken")).retention_days).toBe(5);
  });

  test("one is deleted by whoever types its name, and those that the router needs are not", async () => {
    await rig.client.buses.put("doomed");
    const { page } = await rig.openSignedIn("/buses");
    await page.getByRole("button", { name: "Delete doomed" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill("dooomed");
    await dialog.getByRole("button", { name: "Delete the bus" }).click();
    await dialog.getByText("Type the name doomed").waitFor();
    expect((await rig.client.buses.get("doomed")).bus).toBe("doomed");
    await dialog.getByRole("textbox").fill("doomed");
    await dialog.getByRole("button", { name: "Delete the bus" }).click();
    await page.getByRole("button", { name: "Delete doomed" }).waitFor({ state: "detached" });
    await expect(rig.client.buses.get("doomed")).rejects.toMatchObject({ status: 404 });
    expect(await page.getByRole("button", { name: /^Delete (default|fantail)$/ }).count()).toBe(0);
  });

  test("a key of a bus is shown none, and the API refuses it anyway", async () => {
    const { key } = await rig.client.keys.create({ name: "manager", scopes: ["publish", "read", "manage"] });
    const { page } = await rig.openSignedIn("/buses", { key });
    await page.getByText("The key does not allow this").waitFor();
    await expect(createClient({ url: rig.router.url, key }).buses.list().page()).rejects.toMatchObject({ status: 403 });
  });

  test.each(LOOK_NAMES)("%s: accessible, and no wider than the screen", async (look) => {
    await rig.client.buses.put("eu", { retention_days: 14, event_bytes_max: 65_536 });
    const { page, wrongs } = await rig.openSignedIn("/buses", LOOKS[look]);
    await page.getByRole("table", { name: "buses" }).waitFor();
    await page.locator("[aria-busy=true]").waitFor({ state: "detached" });
    expect(await violationsOf(page)).toEqual([]);
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    await screenshot(page, "buses", look);
    await page.getByRole("button", { name: "New bus" }).click();
    await page.getByRole("form", { name: "New bus" }).waitFor();
    expect(await violationsOf(page)).toEqual([]);
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    expect(wrongs).toEqual([]);
  });
});
