// The real binary on a pseudo-terminal, against a server that stands in for the router: colours, questions, the bar, and Ctrl-C.
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { accepted, fakeFantail, json, reset, type Answer } from "../client/fake-fantail.ts";
import { emptyFolder, fantail, type Running } from "./command.ts";
import { HAS_TERMINAL, startInTerminal } from "./terminal.ts";

const GREEN = "\u001B[32m";
const CTRL_C = "\u0003";

const at = (url: string, more: Record<string, string> = {}) => ({ FANTAIL_URL: url, FANTAIL_KEY: "root-key", ...more });
const KEYS = json(200, {
  data: [
    {
      id: "key_1",
      name: "shop",
      scopes: ["read"],
      types: null,
      status: "active",
      expires_at: null,
      last_used_at: null,
    },
  ],
  next_cursor: null,
});
const gone: Answer = (response) => void response.writeHead(204).end();

const type = ({ child }: Running, text: string) => void child.stdin?.write(text);

const SESSION = json(200, { bus: "default", scopes: ["read"], actor: "root", is_root: true, expires_at: null });

/** Answers NDJSON: each line is accepted. */
const takesLines: Answer = (response, request) => {
  const { body } = request;
  if (request.url === "/v1/session") return SESSION(response, request);
  const lines = body.trimEnd().split("\n");
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  for (const [index, line] of lines.entries())
    response.write(`${JSON.stringify({ line: index + 1, ...accepted(JSON.parse(line)) })}\n`);
  response.end(`${JSON.stringify({ status: "done", lines: lines.length, accepted: lines.length, rejected: 0 })}\n`);
};

describe("colours", () => {
  test.each<[string, Record<string, string>, boolean]>([
    ["a pipe has none", {}, false],
    ["a pipe has them on demand", { FORCE_COLOR: "1" }, true],
    ["NO_COLOR comes first", { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
  ])("%s", async (_, env, hasColours) => {
    const { url, next } = await fakeFantail();
    next(KEYS);
    const { stdout } = await fantail(["keys", "list"], { env: at(url, env) });
    expect(stdout).toContain("active");
    expect(stdout.includes(GREEN)).toBe(hasColours);
  });

  test.skipIf(!HAS_TERMINAL).each<[string, Record<string, string>, boolean]>([
    ["a terminal has them", {}, true],
    ["not with NO_COLOR", { NO_COLOR: "1" }, false],
    ["nor with FORCE_COLOR=0", { FORCE_COLOR: "0" }, false],
    ["nor when it is dumb", { TERM: "dumb" }, false],
  ])("%s", async (_, env, hasColours) => {
    const { url, next } = await fakeFantail();
    next(KEYS);
    const { code, stdout } = await startInTerminal(["keys", "list"], { env: at(url, env) }).ended;
    expect(code).toBe(0);
    expect(stdout).toContain("active");
    expect(stdout.includes(GREEN)).toBe(hasColours);
  });
});

describe.skipIf(!HAS_TERMINAL)("on a terminal", () => {
  test.each([
    ["y", 0, 1],
    ["n", 1, 0],
    ["", 1, 0],
  ])("a question is asked before a key is revoked; the answer %j", async (answer, code, requests) => {
    const fake = await fakeFantail();
    fake.always(gone);
    const running = startInTerminal(["keys", "revoke", "key_1"], { env: at(fake.url), input: null });
    await running.saw("stdout", /Revoke key_1\? \[y\/N\] /);
    expect(fake.requests).toEqual([]);
    type(running, `${answer}\r`);
    expect((await running.ended).code).toBe(code);
    expect(fake.requests.length).toBe(requests);
  });

  test("Ctrl-C at the question changes nothing", async () => {
    const fake = await fakeFantail();
    const running = startInTerminal(["subs", "delete", "sub_1"], { env: at(fake.url), input: null });
    await running.saw("stdout", /Delete sub_1\?/);
    type(running, CTRL_C);
    expect((await running.ended).code).not.toBe(0);
    expect(fake.requests).toEqual([]);
  });

  test("a key that is typed is not shown, and kept", async () => {
    const fake = await fakeFantail();
    fake.always(SESSION);
    const home = emptyFolder();
    const running = startInTerminal(["login", "--url", fake.url], { env: { XDG_CONFIG_HOME: home }, input: null });
    await running.saw("stdout", /Key: /);
    type(running, "t0ps3cret\r");
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).not.toContain("t0p");
    expect(JSON.parse(readFileSync(join(home, "fantail/config.json"), "utf8"))).toEqual({
      url: fake.url,
      key: "t0ps3cret",
    });
  });

  test("a bar shows how far many lines are, and is gone behind them", async () => {
    const fake = await fakeFantail();
    fake.always(takesLines);
    const cwd = emptyFolder();
    writeFileSync(
      join(cwd, "events.ndjson"),
      Array.from({ length: 50 }, (_, n) => `{"type":"a","id":"${n}"}\n`).join(""),
    );
    const { code, stdout } = await startInTerminal(["publish", "events.ndjson"], { env: at(fake.url), cwd }).ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/[█░]{24} +\d+ % {2}\d+ accepted, 0 rejected, [\d,]+\/s/);
    expect(stdout.slice(stdout.lastIndexOf("\u001B[2K"))).toBe("\u001B[2K50 accepted, 0 rejected\r\n");
  });

  test("lines are waited for over more tries than one event: much may be done already", async () => {
    const fake = await fakeFantail();
    fake.next(SESSION, reset, reset, reset);
    fake.always(takesLines);
    const ran = await fantail(["publish", "--ndjson", "-"], { env: at(fake.url), input: '{"type":"a","id":"1"}\n' });
    expect(ran).toEqual({ code: 0, stdout: "1 accepted, 0 rejected\n", stderr: "" });
  });

  test("in a pipe there is no bar", async () => {
    const fake = await fakeFantail();
    fake.always(takesLines);
    const ran = await fantail(["publish", "--ndjson", "-"], { env: at(fake.url), input: '{"type":"a","id":"1"}\n' });
    expect(ran).toEqual({ code: 0, stdout: "1 accepted, 0 rejected\n", stderr: "" });
  });

  test("Ctrl-C ends lines that come in, and says where to go on", async () => {
    const fake = await fakeFantail();
    fake.always((response, request) => {
      const { body } = request;
      if (request.url === "/v1/session") return SESSION(response, request);
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      response.write(`${JSON.stringify({ line: 1, ...accepted(JSON.parse(body.split("\n")[0] ?? "")) })}\n`);
    });
    const cwd = emptyFolder();
    writeFileSync(join(cwd, "events.ndjson"), '{"type":"a","id":"1"}\n\n{"type":"a","id":"2"}\n');
    const running = startInTerminal(["publish", "events.ndjson"], { env: at(fake.url), cwd, input: null });
    await running.saw("stdout", /1 accepted/);
    type(running, CTRL_C);
    const { code, stdout } = await running.ended;
    expect(code).toBe(1);
    expect(stdout).toMatch(/fantail: Stopped: 1 accepted, 0 rejected; go on with --from-line 3\r\n$/);
  });

  test("Ctrl-C ends a command that waits for its stdin", async () => {
    const server = createServer((request, response) => {
      if (request.url === "/v1/session") return void response.end("{}");
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      request.on("error", () => {});
      request.once("data", (line: Buffer) => {
        response.write(`${JSON.stringify({ line: 1, ...accepted(JSON.parse(line.toString())) })}\n`);
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const env = at(`http://127.0.0.1:${port}`);
    const running = startInTerminal(["publish", "--ndjson", "-"], { env, input: null });
    type(running, '{"type":"a","id":"1"}\r');
    await running.saw("stdout", /1 accepted/);
    type(running, CTRL_C);
    const { code, stdout } = await running.ended;
    expect(code).toBe(1);
    expect(stdout).toMatch(/fantail: Stopped: 1 accepted, 0 rejected; go on with --from-line 2\r\n$/);
  });

  test("nobody is waited for without a file on stdin", async () => {
    const { code, stdout } = await startInTerminal(["publish"], { env: at("http://127.0.0.1:9"), input: null }).ended;
    expect(code).toBe(2);
    expect(stdout).toBe("fantail: What is to be published? Give --type, a file, or - for stdin\r\n");
  });
});

test.each([
  ["bash", { SHELL: "/bin/bash" }, /^complete .*fantail$/m],
  ["zsh", { SHELL: "/bin/zsh", ZSH_NAME: "zsh" }, /^#compdef fantail$/m],
])("the completion for %s is a script", async (_, env, line) => {
  const { code, stdout, stderr } = await fantail(["completion"], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(line);
});

test("commands and options are completed", async () => {
  const asked = async (...words: string[]) =>
    (await fantail(["--get-yargs-completions", "fantail", ...words])).stdout.split("\n");
  expect(await asked("")).toEqual(expect.arrayContaining(["listen", "publish", "apply"]));
  expect(await asked("subs", "")).toEqual(expect.arrayContaining(["create", "pause"]));
  expect(await asked("listen", "--for")).toContain("--forward-to");
});
