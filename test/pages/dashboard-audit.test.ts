// The page of the audit, as a person uses it.
import { beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { HAS_BROWSER } from "./chromium.ts";
import { HANG_MS, overflowOf, startRig, violationsOf, type Rig } from "./dashboard-rig.ts";
import { LOOK_NAMES, LOOKS, screenshot } from "./screenshots.ts";

let rig: Rig;
let id: string;

beforeAll(async () => {
  const started = await startRig();
  rig = started;
  const made = await started.client.subscriptions.create({
    name: "billing",
    sink: "https://billing.example.com/hooks",
  });
  id = made.id;
  await started.client.subscriptions.update(id, { name: "invoices", types: ["order.paid"] });
  await started.client.keys.create({ name: "reader", scopes: ["read"] });
  return () => started.stop();
}, HANG_MS);

describe.skipIf(!HAS_BROWSER)("in a browser", { timeout: HANG_MS }, () => {
  test("an entry opens, and shows what it changed and nothing else", async () => {
    const { page, wrongs } = await rig.openSignedIn("/audit");
    const entry = page.getByRole("button", { name: /subscription\.changed/ });
    await entry.press("Enter");
    expect(await entry.getAttribute("aria-expanded")).toBe("true");
    const changes = page.locator(".changes");
    expect(await changes.locator("dt").allInnerTexts()).toEqual(["name", "types"]);
    expect(await changes.locator("del").first().innerText()).toContain('"billing"');
    expect(await changes.locator("ins").first().innerText()).toContain('"invoices"');
    expect(wrongs).toEqual([]);
  });

  test("it is searched by action, target, actor and time, which are in the URL", async () => {
    const { page } = await rig.openSignedIn("/audit");
    const entries = page.getByRole("list", { name: "audit" }).getByRole("button");
    await expect.poll(() => entries.count()).toBe(3);
    await page.getByLabel("Target").fill(id);
    await page.keyboard.press("Enter");
    await expect.poll(() => entries.count()).toBe(2);
    await page.getByLabel("Action").selectOption("subscription.created");
    await expect.poll(() => entries.count()).toBe(1);
    expect(new URL(page.url()).search).toBe(`?target=${id}&action=subscription.created`);
    await page.getByLabel("Actor").fill("system");
    await page.keyboard.press("Enter");
    await page.getByText("No changes").waitFor();
    await page.goto(`${rig.router.url}/audit?until=2026-01-01T00:00:00Z`);
    await page.getByText("No changes").waitFor();
  });

  test("a key that only reads is shown none, and the API refuses it anyway", async () => {
    const { key } = await rig.client.keys.create({ name: "another", scopes: ["read"] });
    const { page } = await rig.openSignedIn("/audit", { key });
    await page.getByText("This key may not see the audit").waitFor();
    await expect(createClient({ url: rig.router.url, key }).audit.list().page()).rejects.toMatchObject({ status: 403 });
  });

  test.each(LOOK_NAMES)("%s: accessible, and no wider than the screen", async (look) => {
    const { page, wrongs } = await rig.openSignedIn("/audit", LOOKS[look]);
    await page.getByRole("button", { name: /subscription\.changed/ }).click();
    await page.locator("[aria-busy=true]").waitFor({ state: "detached" });
    expect(await violationsOf(page)).toEqual([]);
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    await screenshot(page, "audit", look);
    expect(wrongs).toEqual([]);
  });
});
