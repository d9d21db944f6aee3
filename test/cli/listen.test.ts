// `listen` and `tail` against a real router on this machine: chosen, replayed, forwarded, gone on with.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { freePort } from "../../scripts/free-port.ts";
import { emptyFolder, start, type Running } from "./command.ts";
import { startCollector } from "./collector.ts";
import { HAS_TERMINAL, startInTerminal } from "./terminal.ts";
import { HANG_MS, published, startWorld, type Bus } from "./world.ts";

const { env, freshBus } = startWorld();

const DATA = '{"total":1.10,"id":12345678901234567890}';

/** Starts it on the bus, and waits until it listens. */
async function listening({ bus }: Bus, args: readonly string[]): Promise<Running> {
  const running = start(["listen", ...args], { env: env({ FANTAIL_BUS: bus }) });
  await running.saw("stderr", /^Ready: /m);
  return running;
}

/** Ends it as Ctrl-C does; what it says at the end. */
async function interrupted({ child, ended }: Running): Promise<string> {
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  expect(code).toBe(0);
  return stderr.trimEnd().split("\n").at(-1) ?? "";
}

const typesOf = (bodies: readonly string[]): readonly string[] => bodies.map((body) => JSON.parse(body).type);

describe("listen", { timeout: HANG_MS }, () => {
  test("forwards events as they are published, signed, a line for each, and ends with the totals", async () => {
    const world = await freshBus();
    const collector = await startCollector();
    const running = await listening(world, ["--forward-to", collector.url]);
    const [, secret = ""] = await running.saw("stderr", /^Signing secret: (whsec_\S+)$/m);
    const { stdout } = await world.run(["publish", "--type", "order.created", "--subject", "eu/42", "--data", DATA]);
    const [, id = ""] = /(evt_\w+)/.exec(stdout) ?? [];
    await collector.count(1);
    expect(collector.verified(secret)).toEqual([id]);
    expect(collector.bodies()[0]).toContain(`"data":${DATA}`);
    await running.saw("stdout", new RegExp(`^\\d\\d:\\d\\d:\\d\\d  order\\.created  ${id}  eu/42  204  \\d+ ms\\n$`));
    expect(await interrupted(running)).toBe("1 delivered, 0 failed");
  });

  test("chooses by patterns, and replays the last that are chosen", async () => {
    const world = await freshBus();
    await published(world.client, ["order.a", "x", "order.b", "order.c", "x", "x"]);
    const collector = await startCollector();
    const running = await listening(world, ["-f", collector.url, "--types", "order.*", "--replay", "2"]);
    await collector.count(2);
    await published(world.client, ["x", "order.d"]);
    await collector.count(3);
    expect(typesOf(collector.bodies())).toEqual(["order.b", "order.c", "order.d"]);
    await interrupted(running);
  });

  test("goes on from its file where it ended, with what happened meanwhile first", async () => {
    const world = await freshBus();
    const file = join(emptyFolder(), "position");
    const collector = await startCollector();
    const first = await listening(world, ["-f", collector.url, "--state", file]);
    await published(world.client, ["a", "b"]);
    await collector.count(2);
    await first.saw("stdout", /  b  .*ms\n$/);
    await interrupted(first);
    await published(world.client, ["c", "d", "e"]);
    const second = await listening(world, ["-f", collector.url, "--state", file, "--replay", "9"]);
    await collector.count(5);
    await published(world.client, ["f"]);
    await collector.count(6);
    expect(typesOf(collector.bodies())).toEqual(["a", "b", "c", "d", "e", "f"]);
    await interrupted(second);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ bus: world.bus, position: expect.any(String) });
  });

  test("goes on from its file also when it was killed before the first event", async () => {
    const world = await freshBus();
    const file = join(emptyFolder(), "position");
    const collector = await startCollector();
    const first = await listening(world, ["-f", collector.url, "--state", file]);
    first.child.kill("SIGKILL");
    await first.ended;
    await published(world.client, ["a"]);
    const second = await listening(world, ["-f", collector.url, "--state", file]);
    await collector.count(1);
    await interrupted(second);
  });

  test("says that a server is away, and goes on with the next event", async () => {
    const world = await freshBus();
    const running = await listening(world, ["-f", `127.0.0.1:${await freePort()}`, "--concurrency", "2", "--json"]);
    await published(world.client, ["a", "b"]);
    await running.saw("stdout", /(.*\n){2}$/);
    const rows = running
      .written()
      .stdout.trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const sorted = rows.toSorted((one, other) => (one.type < other.type ? -1 : 1));
    expect(sorted).toMatchObject(
      ["a", "b"].map((type) => ({
        type,
        outcome: "failed",
        status: null,
        error: expect.stringContaining("ECONNREFUSED"),
        attempts: 5,
      })),
    );
    expect(await interrupted(running)).toBe("0 delivered, 2 failed");
  });

  test("tries an event that was cut short by the end again the next time", async () => {
    const world = await freshBus();
    const file = join(emptyFolder(), "position");
    const silent = await startCollector(() => {});
    const first = await listening(world, ["-f", silent.url, "--state", file]);
    await published(world.client, ["a"]);
    await silent.count(1);
    expect(await interrupted(first)).toBe("0 delivered, 0 failed");
    const collector = await startCollector();
    const second = await listening(world, ["-f", collector.url, "--state", file]);
    await collector.count(1);
    await interrupted(second);
  });

  test("pushes up to five at a time, each event once", async () => {
    const world = await freshBus();
    const collector = await startCollector();
    const running = await listening(world, ["-f", collector.url, "--concurrency", "5"]);
    await world.client.publish(Array.from({ length: 200 }, (_, n) => ({ type: "a", data: n })));
    await collector.count(200);
    expect(new Set(collector.ids()).size).toBe(200);
    expect(await interrupted(running)).toBe("200 delivered, 0 failed");
    expect(collector.ids()).toHaveLength(200);
  });

  test("ends, and says so, when its position cannot be kept: at the start, and later", async () => {
    const world = await freshBus();
    const nowhere = ["listen", "-f", "3000", "--state", join(emptyFolder(), "no/folder")];
    const ran = await start(nowhere, { env: env({ FANTAIL_BUS: world.bus }) }).ended;
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toMatch(/^fantail: [^\n]*no\/folder cannot be written: ENOENT\n$/);

    const folder = join(emptyFolder(), "folder");
    mkdirSync(folder);
    const collector = await startCollector();
    const running = await listening(world, ["-f", collector.url, "--state", join(folder, "position")]);
    rmSync(folder, { recursive: true });
    await published(world.client, ["a"]);
    const { code, stderr } = await running.ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(/^fantail: [^\n]*position cannot be written: ENOENT\n$/m);
  });

  test.skipIf(!HAS_TERMINAL)("on a terminal ends with Ctrl-C, in colours", async () => {
    const world = await freshBus();
    const collector = await startCollector();
    const running = startInTerminal(["listen", "-f", collector.url], {
      env: env({ FANTAIL_BUS: world.bus }),
      input: null,
    });
    await running.saw("stdout", /Ready: /);
    await published(world.client, ["a"]);
    await running.saw("stdout", /evt_\w+.* ms\r\n$/);
    expect(running.written().stdout).toContain("\u001B[32m204\u001B[39m");
    running.child.stdin?.write("\u0003");
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/1 delivered, 0 failed\r\n$/);
  });

  test("with a wrong key, or no router, is told in one line", async () => {
    const wrong = await start(["listen", "-f", "3000"], { env: env({ FANTAIL_KEY: "not-the-key" }) }).ended;
    expect(wrong).toMatchObject({ code: 1, stdout: "" });
    expect(wrong.stderr).toMatch(/^fantail: The key of FANTAIL_KEY is refused: [^\n]*\(unauthorized, req_\w+\)\n$/);
    const url = `http://127.0.0.1:${await freePort()}`;
    const none = await start(["listen", "-f", "3000"], { env: env({ FANTAIL_URL: url }) }).ended;
    expect(none).toMatchObject({ code: 3, stdout: "" });
    expect(none.stderr).toMatch(/^fantail: http:\/\/127\.0\.0\.1:\d+ cannot be reached: [^\n]*ECONNREFUSED[^\n]*\n$/);
  });
});

describe("tail", { timeout: HANG_MS }, () => {
  test("shows a line for each event, with --json the entry as it came", async () => {
    const world = await freshBus();
    await world.run(["publish", "--type", "a", "--id", "1", "--source", "/s", "--data", DATA]);
    await published(world.client, ["b"]);
    const lines = start(["tail", "--replay", "9"], { env: env({ FANTAIL_BUS: world.bus }) });
    const rows = start(["tail", "--replay", "9", "--types", "a", "--json"], { env: env({ FANTAIL_BUS: world.bus }) });
    await lines.saw("stdout", /^\d\d:\d\d:\d\d {2}a {2}evt_\w+ {2}\/s\n\d\d:\d\d:\d\d {2}b {2}evt_\w+ .*\n$/);
    const [, data] = await rows.saw("stdout", /^\{.*"data":(\{.*?\}).*\}\n$/);
    expect(data).toBe(DATA);
    expect(await interrupted(lines)).toBe("2 events");
    expect(await interrupted(rows)).toBe("1 events");
  });

  test("ends quietly when nobody reads on", async () => {
    const world = await freshBus();
    const running = start(["tail"], { env: env({ FANTAIL_BUS: world.bus }) });
    await running.saw("stderr", /^Ready: /);
    await published(world.client, ["a"]);
    await running.saw("stdout", /evt_/);
    running.child.stdout?.destroy();
    await published(world.client, ["b", "c"]);
    const { code, stderr } = await running.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Ready: [^\n]*\n$/);
  });
});
