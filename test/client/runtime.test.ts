// What the client takes from the machine it runs on, and how much of a stream it holds.
import { expect, test } from "vitest";
import type { PreparedEvent } from "../../src/client/event.ts";
import { createLineWindow } from "../../src/client/line-window.ts";
import { systemRuntime } from "../../src/client/runtime.ts";

test("uuid() is a UUID of version 4, another one each time", () => {
  const ids = Array.from({ length: 200 }, systemRuntime.uuid);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(ids).size).toBe(200);
});

test("sleep() is over at once when its signal aborts, before or meanwhile", async () => {
  await systemRuntime.sleep(1e9, AbortSignal.abort());
  const abort = new AbortController();
  const sleeping = systemRuntime.sleep(1e9, abort.signal);
  abort.abort();
  await sleeping;
  await systemRuntime.sleep(0, new AbortController().signal);
});

/** A window over a source without an end, and how many events it has read. `bytes`: of the event at a place. */
function endless(bytes: (place: number) => number) {
  let read = 0;
  const window = createLineWindow({
    next: async () => {
      read += 1;
      return { id: "e", source: "/s", text: "{}", bytes: bytes(read - 1) } satisfies PreparedEvent;
    },
    stop: async () => {},
  });
  return { window, read: () => read };
}

test.each([
  ["1,000 events", 1, 1_000],
  ["4 MB", 1_000_000, 4],
])("no more than %s of a stream are open: reading goes on when one is answered", async (_, bytes, most) => {
  const { window, read } = endless(() => bytes);
  expect(await window.at(most - 1)).not.toBeNull();
  const next = window.at(most);
  // Whatever can run without an answer has run.
  await new Promise((resolve) => setImmediate(resolve));
  expect(read()).toBe(most);
  window.confirm();
  expect(await next).not.toBeNull();
  expect(window.first()).toBe(1);
  expect(read()).toBe(most + 1);
});

test("small events that are answered make no room for large ones: bytes are bytes", async () => {
  const { window, read } = endless((place) => (place < 100 ? 10 : 1_000_000));
  await window.at(103);
  const next = window.at(104);
  for (let place = 0; place < 100; place += 1) {
    window.confirm();
    await new Promise((resolve) => setImmediate(resolve));
    expect(read()).toBe(104);
  }
  window.confirm();
  expect(await next).not.toBeNull();
});
