import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { launch, startRouter } from "../../scripts/router.ts";
import { stubbed, type Stubbed } from "./stubbed.ts";
import type { Fact } from "./wrangler-stub.ts";

/** A stand-in for wrangler that this process starts. */
function used(...facts: Fact[]): Stubbed & { readonly persistTo: string } {
  const checkout = stubbed(...facts);
  for (const [name, value] of Object.entries(checkout.env)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  return { ...checkout, persistTo: join(checkout.directory, "state") };
}

async function started(checkout: Stubbed): Promise<void> {
  await vi.waitFor(() => expect(checkout.commands().at(-1)).toMatch(/^dev /), 20_000);
}

test("startRouter() rejects with the reason, and leaves no process, when it is aborted before wrangler listens", async () => {
  const checkout = used({ kind: "never-ready" });
  const ending = new AbortController();
  const starting = startRouter({ persistTo: checkout.persistTo, quiet: true, signal: ending.signal });
  await started(checkout);
  ending.abort(new Error("Long enough"));
  await expect(starting).rejects.toThrow("Long enough");
});

test("startRouter() starts no wrangler dev when it was aborted before", async () => {
  const checkout = used();
  const signal = AbortSignal.abort(new Error("Not at all"));
  await expect(startRouter({ persistTo: checkout.persistTo, quiet: true, signal })).rejects.toThrow("Not at all");
  expect(checkout.commands().filter((command) => command.startsWith("dev"))).toEqual([]);
});

test("launch() gives a router that an abort ends", async () => {
  const { persistTo } = used();
  const ending = new AbortController();
  const router = await launch({ persistTo, quiet: true, signal: ending.signal });
  await router.fireCron();
  ending.abort();
  await router.exited;
  await expect(fetch(router.url)).rejects.toThrow("fetch failed");
});

test("log() is what a quiet router wrote", async () => {
  const { persistTo } = used();
  const router = await launch({ persistTo, quiet: true });
  await vi.waitFor(() => expect(router.log()).toBe("Ready\n"));
  await router.stop();
});

test("log() is empty when the output was shown", async () => {
  const { persistTo } = used();
  const router = await launch({ persistTo });
  await router.stop();
  expect(router.log()).toBe("");
});
