// The page of keys, as a person uses it.
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

const publishWith = (key: string, type: string) =>
  createClient({ url: rig.router.url, key }).publish({ type, data: {} });

describe.skipIf(!HAS_BROWSER)("in a browser", { timeout: HANG_MS }, () => {
  test("a key that is made is shown once and works; one that is revoked does not", async () => {
    const { page, wrongs } = await rig.openSignedIn("/keys");
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByLabel("Name", { exact: true }).fill("shop");
    await page.getByLabel("Types", { exact: true }).fill("order.*");
    await page.getByRole("button", { name: "Create the key" }).click();
    const key = await page.getByRole("textbox", { name: "The key" }).innerText();
    expect(key).toMatch(/^ftk_default_/);
    expect(await publishWith(key, "order.created")).toMatchObject({ status: "accepted" });
    await expect(publishWith(key, "invoice.made")).rejects.toThrow();

    await page.getByRole("button", { name: "Done" }).click();
    await expect.poll(() => page.content()).not.toContain(key);
    await page.getByRole("button", { name: "Revoke shop" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("button", { name: "Revoke shop" }).waitFor({ state: "detached" });
    await expect(publishWith(key, "order.created")).rejects.toMatchObject({ status: 401 });
    expect(wrongs).toEqual([]);
  });

  test("what is wrong is said at its field, and a key can be changed", async () => {
    const { id } = await rig.client.keys.create({ name: "edited", scopes: ["publish"] });
    const { page } = await rig.openSignedIn("/keys");
    await page.getByRole("button", { name: "Edit edited" }).click();
    await page.getByLabel("Types", { exact: true }).fill("a*b");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("types.0 must hold * at its end only", { exact: true }).waitFor();
    await page.getByLabel("Types", { exact: true }).fill("a.*");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved").waitFor();
    expect((await rig.client.keys.get(id)).types).toEqual(["a.*"]);
  });

  test("a rotated key has a successor at once, and ends when the overlap does", async () => {
    const { id, key: former } = await rig.client.keys.create({ name: "turned", scopes: ["publish"] });
    const { page } = await rig.openSignedIn("/keys");
    await page.getByRole("button", { name: "Rotate turned" }).click();
    await page.getByLabel("The present key goes on for").selectOption({ label: "Not at all: it ends at once" });
    await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
    const successor = await page.getByRole("textbox", { name: "The key" }).innerText();
    expect(successor).not.toBe(former);
    expect(await publishWith(successor, "a.b")).toMatchObject({ status: "accepted" });
    await expect(publishWith(former, "a.b")).rejects.toMatchObject({ status: 401 });
    expect((await rig.client.keys.get(id)).replaced_by).not.toBeNull();
  });

  test("a key that does not manage is shown none, and the API refuses it anyway", async () => {
    const { key } = await rig.client.keys.create({ name: "reader", scopes: ["read"] });
    const { page } = await rig.openSignedIn("/keys", { key });
    await page.getByText("This key may not see keys").waitFor();
    expect(await page.getByRole("button", { name: "New key" }).count()).toBe(0);
    await expect(createClient({ url: rig.router.url, key }).keys.list().page()).rejects.toMatchObject({ status: 403 });
  });

  test.each(LOOK_NAMES)("%s: accessible, and no wider than the screen", async (look) => {
    const { page, wrongs } = await rig.openSignedIn("/keys", LOOKS[look]);
    await page.getByRole("table", { name: "keys" }).waitFor();
    await page.locator("[aria-busy=true]").waitFor({ state: "detached" });
    expect(await violationsOf(page)).toEqual([]);
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    await screenshot(page, "keys", look);
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByRole("form", { name: "New key" }).waitFor();
    expect(await violationsOf(page)).toEqual([]);
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    await page
      .getByRole("button", { name: /^Rotate/ })
      .first()
      .click();
    await page.getByRole("dialog").waitFor();
    expect(await violationsOf(page)).toEqual([]);
    expect(await overflowOf(page)).toBeLessThanOrEqual(0);
    expect(wrongs).toEqual([]);
  });
});
