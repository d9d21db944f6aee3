import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { expect, test, vi } from "vitest";
import { stubbed, type Running } from "./stubbed.ts";

const CRON = "GET /cdn-cgi/local/scheduled?cron=*+*+*+*+*&format=json";
const ANY_PORT = ["--port=0"];

/** The URL that the script prints once the router listens. */
async function listening(running: Running): Promise<string> {
  return vi.waitFor(() => {
    const url = /listens on (\S+)/.exec(running.said())?.[1];
    if (url === undefined) throw new Error(`Not yet: ${running.said()}`);
    return url;
  }, 20_000);
}

async function stop(running: Running): Promise<number | null> {
  running.child.kill("SIGTERM");
  return running.code;
}

test("start makes .dev.vars with random secrets for its owner only, prints the root key, and leaves it alone from then on", async () => {
  const checkout = stubbed();
  const file = join(checkout.directory, ".dev.vars");
  const first = checkout.start("start.ts", ANY_PORT);
  await listening(first);
  expect(await stop(first)).toBe(0);
  const text = readFileSync(file, "utf8");
  const vars = parseEnv(text);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(Buffer.from(vars["ROOT_KEY"] ?? "", "base64")).toHaveLength(32);
  expect(Buffer.from(vars["ENCRYPTION_KEY"] ?? "", "base64")).toHaveLength(32);
  expect(vars["ROOT_KEY"]).not.toBe(vars["ENCRYPTION_KEY"]);
  expect(vars["ALLOW_INSECURE_SINKS"]).toBe("true");
  expect(first.said()).toContain(`authorization: Bearer ${vars["ROOT_KEY"]}`);
  expect(first.said()).not.toContain(vars["ENCRYPTION_KEY"]);

  const second = checkout.start("start.ts", ANY_PORT);
  await listening(second);
  expect(await stop(second)).toBe(0);
  expect(readFileSync(file, "utf8")).toBe(text);
});

test("start prints the first of several root keys and refuses a .dev.vars without one", async () => {
  const checkout = stubbed();
  writeFileSync(join(checkout.directory, ".dev.vars"), "ROOT_KEY=new-key, old-key\n");
  const running = checkout.start("start.ts", ANY_PORT);
  await listening(running);
  expect(running.said()).toContain("Bearer new-key'");
  await stop(running);

  writeFileSync(join(checkout.directory, ".dev.vars"), "ENCRYPTION_KEY=abc\n");
  const refused = checkout.start("start.ts", ANY_PORT);
  expect(await refused.code).toBe(1);
  expect(refused.said()).toContain(".dev.vars has no ROOT_KEY");
});

test("start applies migrations before it listens, fires the cron at once, and ends wrangler with itself", async () => {
  const checkout = stubbed();
  const running = checkout.start("start.ts", ANY_PORT);
  const url = await listening(running);
  await vi.waitFor(() => expect(checkout.facts("request")).toEqual([{ kind: "request", line: CRON }]), 10_000);
  expect(await stop(running)).toBe(0);
  expect(checkout.commands()).toEqual([
    "d1 migrations apply DB --local",
    expect.stringMatching(/^dev --local .*--port=0/),
  ]);
  await expect(fetch(url)).rejects.toThrow("fetch failed");
});

test.each(["SIGINT", "SIGHUP"] as const)("start ends with code 0 on %s", async (name) => {
  const running = stubbed().start("start.ts", ANY_PORT);
  await listening(running);
  running.child.kill(name);
  expect(await running.code).toBe(0);
});

test("start passes its arguments on, each once", async () => {
  const checkout = stubbed();
  const running = checkout.start("start.ts", [
    "--port=0",
    "--ip=127.0.0.1",
    "--persist-to=elsewhere",
    "--log-level=log",
  ]);
  await listening(running);
  await stop(running);
  const [migrate, dev = ""] = checkout.commands();
  expect(migrate).toBe("d1 migrations apply DB --local --persist-to=elsewhere");
  for (const flag of ["--port=", "--ip=", "--persist-to=", "--log-level="]) expect(dev.split(flag)).toHaveLength(2);
  expect(dev).toContain("--log-level=log");
});

test("start greets with, and fires the cron at, the address that wrangler reports", async () => {
  const checkout = stubbed();
  const running = checkout.start("start.ts", [...ANY_PORT, "--ip", "localhost"]);
  expect(await listening(running)).toMatch(/^http:\/\/localhost:\d+$/);
  await vi.waitFor(() => expect(checkout.facts("request")).toEqual([{ kind: "request", line: CRON }]), 10_000);
  expect(await stop(running)).toBe(0);
  expect(running.said()).not.toContain("127.0.0.1");
});

test("start says that an address is not this machine's", async () => {
  const checkout = stubbed();
  const running = checkout.start("start.ts", [...ANY_PORT, "--ip=192.0.2.1"]);
  expect(await running.code).toBe(1);
  expect(running.said()).toContain("EADDRNOTAVAIL");
  expect(checkout.commands()).toEqual([]);
});

test("start names the port and another way when the port is not free", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const checkout = stubbed();
  const running = checkout.start("start.ts", ["--port", String(port)]);
  expect(await running.code).toBe(1);
  expect(running.said()).toContain(`Port ${port} is not free. Choose another: npm start -- --port ${port + 1}`);
  expect(checkout.commands()).toEqual([]);
  server.close();
});

test.each(["abc", "65536", "-1", "1.5"])("start refuses the port %s", async (port) => {
  const running = stubbed().start("start.ts", [`--port=${port}`]);
  expect(await running.code).toBe(1);
  expect(running.said()).toContain("--port is a number from 0 to 65535");
});

test("start ends with wrangler's code when wrangler ends by itself", async () => {
  const running = stubbed().start("start.ts", ANY_PORT);
  const url = await listening(running);
  await expect(fetch(`${url}/exit`)).rejects.toThrow("fetch failed");
  expect(await running.code).toBe(3);
});

test.each([
  ["d1 migrations apply", "The local migrations failed"],
  ["dev", "wrangler dev ended before it listened"],
])("start fails and says what wrangler said when `wrangler %s` fails", async (failing, message) => {
  const running = stubbed({ kind: "failing", command: failing }).start("start.ts", ANY_PORT);
  expect(await running.code).toBe(1);
  expect(running.said()).toContain(message);
  expect(running.said()).toContain("Something broke [code: 10000]");
});
