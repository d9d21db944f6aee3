// The pages of subscriptions, as a person uses them: on a router of this machine, with real events and a real sink.
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { until } from "../../scripts/rig/until.ts";
import { startSinks, type SinkState } from "../sinks.ts";
import { HAS_BROWSER } from "./chromium.ts";
import { HANG_MS, overflowOf, startRig, violationsOf, type Rig } from "./dashboard-rig.ts";
import { LOOK_NAMES, LOOKS, screenshot } from "./screenshots.ts";

const EU = 12;
const US = 8;

let rig: Rig;
let sinks: Awaited<ReturnType<typeof startSinks>>;

beforeAll(async () => {
  sinks = await startSinks();
  const started = await startRig();
  rig = started;
  const orders = [...Array(EU).keys()].map((n) => ({ type: "order.created", subject: `eu/${n}`, data: { total: n } }));
  const others = [...Array(US).keys()].map((n) => ({ type: "order.paid", subject: `us/${n}`, data: { total: n } }));
  await started.client.publish([...orders, ...others]);
  await until(
    "all events are on record",
    async () => (await started.client.events.list({ limit: 50 }).page()).data.length === EU + US,
    {
      withinMs: HANG_MS,
    },
  );
  return async () => {
    await started.stop();
    await sinks.stop();
  };
}, HANG_MS);

const sinkOf = (key: string) => `${sinks.url}/s/${key}`;

/** Replaces what is in the editor, as by keys. */
async function typeFilters(page: Page, text: string): Promise<void> {
  const editor = page.getByRole("textbox", { name: "Filters" });
  await editor.click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText(text);
}

describe.skipIf(!HAS_BROWSER)("in a browser", { timeout: HANG_MS }, () => {
  test("a filter that does not compile is marked with its message, and nothing is saved", async () => {
    const { page, wrongs } = await rig.openSignedIn("/subscriptions/new");
    await page.getByLabel("Name", { exact: true }).fill("never made");
    await page.getByLabel("Sink", { exact: true }).fill(sinkOf("never"));
    await typeFilters(page, '[{"prefix": {"subject": ""}}]');
    await page.getByText("filters.0.prefix.subject must not be empty").first().waitFor();
    await page.locator(".cm-lintRange-error").first().waitFor();
    expect(await page.locator(".cm-lintRange-error").first().innerText()).toContain("subject");
    await page.getByRole("button", { name: "Create the subscription" }).click();
    await page.getByText("Nothing is saved").waitFor();
    const { data } = await rig.client.subscriptions.list().page();
    expect(data.filter(({ name }) => name === "never made")).toEqual([]);

    await typeFilters(page, '[{"sql": "type LIKE"}]');
    await page
      .getByText(/filters\.0\.sql .*at character/)
      .first()
      .waitFor();
    expect(wrongs).toEqual([]);
  });

  test("nothing is lost of what is typed fast", async () => {
    const { page } = await rig.openSignedIn("/subscriptions/new");
    const digits = "1234567890".repeat(12);
    const editor = page.getByRole("textbox", { name: "Filters" });
    await editor.click();
    await page.keyboard.type(digits);
    expect(await editor.innerText()).toBe(digits);
    await page.getByText("filters must be an array").first().waitFor();
    expect(await editor.innerText()).toBe(digits);
  });

  test("what a sink must be is said at its field", async () => {
    const { page } = await rig.openSignedIn("/subscriptions/new");
    await page.getByRole("button", { name: "Create the subscription" }).click();
    const sink = page.getByLabel("Sink", { exact: true });
    await expect.poll(() => sink.getAttribute("aria-invalid")).toBe("true");
    await sink.fill("https://user:pass@example.com/");
    await page.getByText("sink must not hold credentials, headers are for them").first().waitFor();
    await page.getByLabel("Retry schedule").fill("5s, soon");
    await page.getByText("soon is no duration").waitFor();
    // The router alone knows this, and says it at the field too.
    await page.getByLabel("Retry schedule").fill("5s");
    await sink.fill("https://10.0.0.1/");
    await page.getByText("sink must have a public address", { exact: false }).first().waitFor();
  });

  test("one is made, tried on recent events and the record before, and its secret is shown once", async () => {
    const { page, wrongs } = await rig.openSignedIn("/subscriptions/new");
    await page.getByLabel("Name", { exact: true }).fill("europe");
    await page.getByLabel("Sink", { exact: true }).fill(sinkOf("europe"));
    await typeFilters(page, '[{"prefix": {"subject": "eu/"}}]');
    await page.getByText(`Takes ${EU} of the last ${EU + US} events`).waitFor();
    const missed = page.getByRole("button", { name: /not taken order\.paid/ }).first();
    await missed.click();
    await page
      .getByRole("list", { name: "Why order.paid is not taken" })
      .getByText("/filters/0/prefix/subject")
      .waitFor();

    await page.getByRole("button", { name: "Run the backtest" }).click();
    await page.getByText(`Would have matched ${EU} of ${EU + US} events in the last day`).waitFor();

    await page.getByRole("button", { name: "Create the subscription" }).click();
    const secret = await page.getByRole("textbox", { name: "The signing secret" }).innerText();
    expect(secret).toMatch(/^whsec_/);
    await page.getByRole("link", { name: "To the subscription" }).click();
    await page.getByRole("heading", { name: "europe", level: 1 }).waitFor();
    expect(await page.content()).not.toContain(secret);

    await rig.client.publish({ type: "order.created", subject: "eu/now", data: {} });
    await until("the sink has it", async () => (await deliveriesOf("europe")).length === 1, { withinMs: HANG_MS });
    expect(wrongs).toEqual([]);
  });

  const deliveriesOf = async (key: string) => {
    const answer = await fetch(`${sinks.url}/control/${key}`);
    const state: SinkState = await answer.json();
    return state.requests;
  };

  test("the difference is shown before it is saved, and is what really differs", async () => {
    const { id } = await rig.client.subscriptions.create({
      name: "analytics",
      sink: sinkOf("analytics"),
      types: ["order.paid"],
      headers: { "x-team": "billing" },
    });
    const { page, wrongs } = await rig.openSignedIn(`/subscriptions/${id}?tab=edit`);
    const types = page.getByLabel("Types", { exact: true });
    await types.fill("order.created");
    await page.getByRole("button", { name: "Review the changes" }).click();
    const review = page.getByRole("region", { name: "What saving changes" });
    const { data } = await rig.client.events.list({ limit: 100 }).page();
    const created = data.filter(({ type }) => type === "order.created").length;
    await review.getByText(`Newly matched: +${created}`).waitFor();
    await review.getByText(`No longer matched: −${US}`).waitFor();
    expect(await review.locator("dt").allInnerTexts()).toEqual(["types"]);
    expect(await review.getByRole("link", { name: "order.paid" }).count()).toBe(US);

    await review.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("Saved").waitFor();
    const saved = await rig.client.subscriptions.get(id);
    expect([saved.types, saved.headers]).toEqual([["order.created"], { "x-team": "…" }]);
    expect(wrongs).toEqual([]);
  });

  test("a change meanwhile is refused and said, and the newer one can be loaded", async () => {
    const { id } = await rig.client.subscriptions.create({ name: "customers", sink: sinkOf("customers") });
    const { page } = await rig.openSignedIn(`/subscriptions/${id}?tab=edit`);
    await page.getByLabel("Name", { exact: true }).fill("mine");
    await rig.client.subscriptions.update(id, { name: "crm" });
    await page.getByRole("button", { name: "Review the changes" }).click();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("Somebody changed this subscription meanwhile, so nothing was saved.").waitFor();
    expect((await rig.client.subscriptions.get(id)).name).toBe("crm");
    await page.getByRole("button", { name: "Load the newer one" }).click();
    await page.getByRole("heading", { name: "crm", level: 1 }).waitFor();
    await expect.poll(() => page.getByLabel("Name", { exact: true }).inputValue()).toBe("crm");
  });

  const countOf = async (id: string, status: "held" | "cancelled") =>
    (await rig.client.deliveries.list({ subscription_id: id, status }).page()).data.length;

  test("pause holds, and resume delivers, or skips what was held", async () => {
    const { id } = await rig.client.subscriptions.create({ name: "mailer", sink: sinkOf("mailer"), types: ["halt"] });
    const { page, wrongs } = await rig.openSignedIn(`/subscriptions/${id}?tab=deliveries`);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await page.getByText("What it takes is held until it is resumed.").waitFor();
    await rig.client.publish({ type: "halt", data: {} });
    await until(
      "it is held",
      async () => (await rig.client.deliveries.list({ subscription_id: id, status: "held" }).page()).data.length === 1,
      { withinMs: HANG_MS },
    );
    expect(await deliveriesOf("mailer")).toEqual([]);
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
    await page.getByRole("table", { name: "deliveries" }).getByText("delivered", { exact: true }).waitFor();
    expect(await deliveriesOf("mailer")).toHaveLength(1);

    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await page.getByText("What it takes is held until it is resumed.").waitFor();
    await rig.client.publish({ type: "halt", data: {} });
    await until("the second is held", async () => (await countOf(id, "held")) === 1, { withinMs: HANG_MS });
    await page.getByRole("button", { name: "Resume" }).click();
    await page
      .getByLabel("What goes out")
      .selectOption({ label: "Nothing that is held, only what is accepted from now on" });
    await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await until("it is skipped", async () => (await countOf(id, "cancelled")) === 1, { withinMs: HANG_MS });
    expect(await deliveriesOf("mailer")).toHaveLength(1);
    expect(wrongs).toEqual([]);
  });

  test("who deletes one is asked first, and is led to the list", async () => {
    const { id } = await rig.client.subscriptions.create({ name: "doomed", sink: sinkOf("doomed"), types: ["none"] });
    const { page } = await rig.openSignedIn(`/subscriptions/${id}`);
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect((await rig.client.subscriptions.get(id)).id).toBe(id);
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("heading", { name: "Subscriptions", level: 1 }).waitFor();
    await expect(rig.client.subscriptions.get(id)).rejects.toMatchObject({ status: 404 });
  });

  test("a key that only reads is offered no change, and the API refuses it anyway", async () => {
    const { id } = await rig.client.subscriptions.create({
      name: "warehouse",
      sink: sinkOf("warehouse"),
      types: ["none"],
    });
    const { key } = await rig.client.keys.create({ name: "reader", scopes: ["read"] });
    const { page } = await rig.openSignedIn(`/subscriptions/${id}?tab=edit`, { key });
    await page.getByRole("heading", { name: "warehouse", level: 1 }).waitFor();
    await page.getByRole("heading", { name: "Health" }).waitFor();
    expect(await page.getByRole("button", { name: /Pause|Delete|Review/ }).count()).toBe(0);
    expect(await page.getByRole("tab").allInnerTexts()).toEqual(["Overview", "Deliveries"]);
    const reader = createClient({ url: rig.router.url, key });
    await expect(reader.subscriptions.delete(id)).rejects.toMatchObject({ status: 403 });
    await expect(reader.subscriptions.update(id, { status: "paused" })).rejects.toMatchObject({ status: 403 });
    await page.goto(`${rig.router.url}/subscriptions`);
    await page.getByRole("table", { name: "subscriptions" }).getByText("warehouse").waitFor();
    expect(await page.getByRole("link", { name: "New subscription" }).count()).toBe(0);
    await page.goto(`${rig.router.url}/subscriptions/new`);
    await page.getByText("This key may not make subscriptions").waitFor();
    expect(await page.getByRole("button", { name: "Create the subscription" }).count()).toBe(0);
  });

  test.each(LOOK_NAMES)("%s: accessible, and no wider than the screen", async (look) => {
    const { data } = await rig.client.subscriptions.list().page();
    const id = data.find(({ name }) => name === "europe")?.id ?? "";
    expect(id).not.toBe("");
    await rig.router.fireCron();
    const pages = [
      ["subscriptions", "/subscriptions"],
      ["subscription-new", "/subscriptions/new"],
      ["subscription", `/subscriptions/${id}`],
      ["subscription-deliveries", `/subscriptions/${id}?tab=deliveries`],
      ["subscription-edit", `/subscriptions/${id}?tab=edit`],
    ] as const;
    const { page, wrongs } = await rig.openSignedIn("/subscriptions", LOOKS[look]);
    for (const [name, path] of pages) {
      await page.goto(rig.router.url + path);
      await page.getByRole("heading", { level: 1 }).waitFor();
      if (name === "subscription") await page.getByText("An attempt takes", { exact: true }).waitFor();
      if (name === "subscription") await page.locator(".chart canvas").nth(1).waitFor();
      if (name === "subscription-new") await page.getByRole("textbox", { name: "Filters" }).waitFor();
      if (name === "subscription-edit") {
        await page.getByRole("textbox", { name: "Filters" }).waitFor();
        await page.getByText(/^Takes/).waitFor();
        await page.getByLabel("Types", { exact: true }).fill("order.paid");
        await page.getByRole("button", { name: "Review the changes" }).click();
        await page.getByText("No longer matched", { exact: false }).waitFor();
        await page.getByText("So far", { exact: false }).waitFor({ state: "detached" });
        await page.getByRole("button", { name: "Save", exact: true }).scrollIntoViewIfNeeded();
      }
      await page.locator("[aria-busy=true]").waitFor({ state: "detached" });
      expect(await violationsOf(page), path).toEqual([]);
      expect(await overflowOf(page), path).toBeLessThanOrEqual(0);
      await screenshot(page, name, look);
    }
    expect(wrongs).toEqual([]);
  });
});
