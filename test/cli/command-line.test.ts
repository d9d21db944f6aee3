// The real binary in a pipe, against a server that stands in for the router and misbehaves: what is said, where, and with which exit code.
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { freePort } from "../../scripts/free-port.ts";
import { until } from "../../scripts/rig/until.ts";
import { VERSION } from "../../src/version.ts";
import { eventsOf, fakeFantail, json, problem, problemOf, raw, reset } from "../client/fake-fantail.ts";
import { emptyFolder, fantail, start, type Ran } from "./command.ts";

const KEY = "ftk_shop_4fGh7Jk2Lm9Np3Qr5St8Uv_Wx1Yz6Ab";
const at = (url: string, more: Record<string, string> = {}) => ({
  env: { FANTAIL_URL: url, FANTAIL_KEY: KEY, ...more },
});

/** One line on stderr that begins with the name of the command, and nothing on stdout. */
function expectTold({ stdout, stderr, code }: Ran, line: RegExp | string, exitCode: number): void {
  expect({ stdout, code }).toEqual({ stdout: "", code: exitCode });
  expect(stderr).toMatch(/^fantail: [^\n]+\n$/);
  expect(stderr).toMatch(line);
}

describe("the command line", () => {
  test("--version says the version, on stdout", async () => {
    expect(await fantail(["--version"])).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
  });

  test.each([[[]], [["publish"]], [["subs", "create"]], [["keys"]]])(
    "%j --help shows usage and options",
    async (args) => {
      const { code, stdout, stderr } = await fantail([...args, "--help"]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain(`fantail ${args.join(" ")}`.trim());
      expect(stdout).toContain("--json");
    },
  );

  test("--help tells the exit codes and where the configuration is from", async () => {
    const { stdout } = await fantail(["--help"]);
    for (const word of ["FANTAIL_URL", "FANTAIL_KEY", "Exit codes: 0", "listen", "completion"])
      expect(stdout).toContain(word);
  });

  test.each([
    [[], /Which command\?/],
    [["nope"], /Unknown .*: nope/],
    [["get"], /Not enough non-option arguments/],
    [["get", "evt_1", "more"], /Unknown argument: more/],
    [["get", "evt_1", "--nope"], /Unknown argument: nope/],
    [["get", "nope_1"], /nope_1 is no id: it must begin with evt_, dlv_, sub_ or key_/],
    [["get", "evt_1", "--url"], /Not enough arguments following: url/],
    [["get", "evt_1", "--url", "a", "--url", "b"], /--url is given more than once/],
    [["keys", "create", "--scopes", "root"], /--scopes must be of publish, read, manage/],
    [["subs", "update", "sub_1", "--timeout-ms", "1"], /--timeout-ms must be a whole number from 1000 to 60000/],
    [["subs", "update", "sub_1"], /Nothing is to change/],
    [["subs", "create", "--sink", "https://a.example", "--rate", "5"], /--rate must be pushes and seconds/],
    [
      ["subs", "create", "--sink", "https://a.example", "--filter", "{"],
      /--filter:1:2: This is not valid JSON: it ends too early/,
    ],
    [["subs", "delete", "sub_1"], /There is no terminal to ask on: give --yes/],
    [["retry"], /Which deliveries\?/],
    [["retry", "dlv_1", "--subscription", "sub_1"], /Give deliveries, or --subscription, not both/],
    [["backtest", "--since", "yesterday", "--types", "a"], /--since must be a time like/],
    [["publish", "--data", "1"], /Missing dependent arguments|Implications failed/],
    [["publish", "--type", "a", "--data", "{]"], /--data:1:2: This is not valid JSON: "]" cannot stand there/],
    [["publish", "--type", "a", "--extension", "tenant"], /--extension must be name=value/],
    [["publish", "nope.json"], /nope.json does not exist/],
    [["listen", "--state", "a"], /--state and --secret need --forward-to/],
    [["listen", "--forward-to", "http://"], /--forward-to must be an address/],
    [["listen", "-f", "3000", "--secret", "whsec_c2hvcnQ="], /--secret must have at least 24 bytes/],
  ])("%j is refused with 2, in one line", async (args, line) => {
    const { url, requests } = await fakeFantail();
    expectTold(await fantail(args, at(url)), line, 2);
    expect(requests).toEqual([]);
  });
});

describe("the configuration", () => {
  const EVENT = { event_id: "evt_1" };
  const SESSION = { bus: "shop", scopes: ["read"], actor: "key_1", is_root: false, expires_at: null };

  test("a URL that is missing is said with the ways to give one", async () => {
    expectTold(
      await fantail(["get", "evt_1"], { env: { FANTAIL_KEY: KEY } }),
      /no URL: set FANTAIL_URL, give --url, or write .*config\.json/,
      2,
    );
  });

  test("so is a key", async () => {
    expectTold(await fantail(["get", "evt_1", "--url", "http://127.0.0.1:1"]), /no key: set FANTAIL_KEY/, 2);
  });

  test.each([
    ["nope", /url must be an absolute URL .* \(it is from FANTAIL_URL\)/],
    ["ftp://a", /url must begin with https: or http:/],
    ["http://a/v1", /url must not end in \/v1/],
  ])("the URL %s is refused, and where it is from is said", async (url, line) => {
    expectTold(await fantail(["get", "evt_1"], at(url)), line, 2);
  });

  test("a key that is no header is refused without being shown", async () => {
    const ran = await fantail(["get", "evt_1"], at("http://127.0.0.1:1", { FANTAIL_KEY: "sécret" }));
    expectTold(ran, /key must be visible ASCII characters \(it is from FANTAIL_KEY\)/, 2);
    expect(ran.stderr).not.toContain("cret");
  });

  function written(config: unknown, mode = 0o600): Record<string, string> {
    const folder = emptyFolder();
    mkdirSync(join(folder, "fantail"));
    const file = join(folder, "fantail/config.json");
    writeFileSync(file, typeof config === "string" ? config : JSON.stringify(config));
    chmodSync(file, mode);
    return { XDG_CONFIG_HOME: folder };
  }

  test("the file says where, with which key, and which bus", async () => {
    const { url, requests, next } = await fakeFantail();
    next(json(200, EVENT));
    const { code, stderr } = await fantail(["get", "evt_1", "--json"], {
      env: written({ url, key: KEY, bus: "shop" }),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      "fantail-bus": "shop",
      "user-agent": `fantail-cli/${VERSION}`,
    });
  });

  test("a flag comes before the environment, and that before the file", async () => {
    const { url, requests, next } = await fakeFantail();
    next(json(200, EVENT), json(200, EVENT));
    const env = {
      ...written({ url: "http://127.0.0.1:1", key: "of-the-file", bus: "file" }),
      FANTAIL_KEY: KEY,
      FANTAIL_BUS: "env",
    };
    await fantail(["get", "evt_1", "--json", "--url", url], { env });
    await fantail(["get", "evt_1", "--json", "--url", url, "--bus", "flag"], { env });
    expect(requests.map(({ headers }) => headers["fantail-bus"])).toEqual(["env", "flag"]);
    expect(requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
  });

  test("the key of the file goes to no other server than the file's", async () => {
    const { url, requests } = await fakeFantail();
    const ran = await fantail(["get", "evt_1"], {
      env: { ...written({ url: "https://events.example.com", key: KEY }), FANTAIL_URL: url },
    });
    expectTold(ran, /The key of .* is for https:\/\/events\.example\.com, not for http:/, 2);
    expect(requests).toEqual([]);
  });

  test("a file that others can read is warned of", async () => {
    const { url, next } = await fakeFantail();
    next(json(200, EVENT));
    const { code, stderr } = await fantail(["get", "evt_1", "--json"], { env: written({ url, key: KEY }, 0o644) });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^fantail: warning: .*config\.json holds a key and others can read it: chmod 600/);
  });

  test.each([
    ["{", /config\.json must be a JSON object of url, key, bus/],
    ["[]", /must be a JSON object/],
    [{ uri: "x" }, /config\.json: uri is not known/],
    [{ url: 1 }, /config\.json: url must be a string that is not empty/],
  ])("the file %j is refused", async (config, line) => {
    expectTold(await fantail(["get", "evt_1"], { env: written(config) }), line, 2);
  });

  test("a file that is asked for must be there", async () => {
    expectTold(await fantail(["get", "evt_1", "--config", "nope.json"]), /nope\.json cannot be read: ENOENT/, 2);
  });

  test("login keeps a key that the router takes, for its owner only, and config shows it without the key", async () => {
    const { url, next, requests } = await fakeFantail();
    next(json(200, SESSION));
    const env = { XDG_CONFIG_HOME: emptyFolder() };
    const kept = await fantail(["login", "--url", url], { env, input: `${KEY}\n` });
    expect(kept).toMatchObject({ code: 0, stderr: "" });
    expect(kept.stdout).toMatch(/^Kept in .*config\.json: bus shop, read\n$/);
    expect(requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    const shown = await fantail(["config", "--json"], { env });
    expect(shown.stderr).toBe("");
    expect(JSON.parse(shown.stdout)).toMatchObject({ url: { value: url }, key: { value: "ftk_shop_…" }, bus: null });
  });

  test("login keeps no key that is refused", async () => {
    const { url, next } = await fakeFantail();
    next(problem("unauthorized", 401));
    const env = { XDG_CONFIG_HOME: emptyFolder() };
    expect((await fantail(["login", "--url", url], { env, input: KEY })).code).toBe(1);
    expect(JSON.parse((await fantail(["config", "--json"], { env })).stdout)).toMatchObject({ key: null, url: null });
  });
});

describe("what goes wrong", () => {
  test("a wrong key is said with where it is from", async () => {
    const { url, next } = await fakeFantail();
    next(problem("unauthorized", 401, { detail: "The key is not valid" }));
    expectTold(
      await fantail(["get", "evt_1"], at(url)),
      /The key of FANTAIL_KEY is refused: The key is not valid \(unauthorized, req_/,
      1,
    );
  });

  test("everything that is wrong with a request stands in the line", async () => {
    const { url, next } = await fakeFantail();
    const errors = [
      { pointer: "/sink", detail: "sink must be an https URL" },
      { pointer: "/types/0", detail: "types.0 must not be empty" },
    ];
    next(problem("invalid-request", 422, { errors }));
    const ran = await fantail(["subs", "create", "--sink", "x"], at(url));
    expectTold(ran, /sink must be an https URL; types\.0 must not be empty \(invalid-request, req_/, 1);
  });

  test("with --json the problem stands behind the line, and stdout stays empty", async () => {
    const { url, next } = await fakeFantail();
    next(problem("not-found", 404));
    const { code, stdout, stderr } = await fantail(["get", "evt_1", "--json"], at(url));
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    const [line = "", document = ""] = stderr.split("\n");
    expect(line).toMatch(/^fantail: The detail of not-found \(not-found, req_/);
    expect(JSON.parse(document)).toEqual(problemOf("not-found", 404));
  });

  test("a router that is down is 3", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    expectTold(await fantail(["get", "evt_1"], at(url)), /cannot be reached: connect ECONNREFUSED 127\.0\.0\.1/, 3);
  });

  test("so is one that hangs up", async () => {
    const { url, always } = await fakeFantail();
    always(reset);
    expectTold(await fantail(["keys", "list"], at(url)), /cannot be reached: (?:other side closed|.*ECONNRESET)/, 3);
  });

  test("and a server that is another", async () => {
    const { url, always } = await fakeFantail();
    always(raw(404, { "content-type": "text/html" }, "<h1>Not found</h1>"));
    expectTold(
      await fantail(["keys", "list"], at(url)),
      /does not answer as a Fantail router: GET \/v1\/keys: the answer 404 \(text\/html\)/,
      3,
    );
  });

  test("a reader that has gone ends it quietly", async () => {
    const { url, next } = await fakeFantail();
    next(
      json(200, {
        data: Array.from({ length: 200 }, (_, n) => ({ id: `key_${n}`, scopes: ["x".repeat(2_000)] })),
        next_cursor: null,
      }),
    );
    const running = start(["keys", "list"], at(url));
    running.child.stdout?.destroy();
    expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
  });

  test("what a router says is shown without what a terminal would obey", async () => {
    const { url, next } = await fakeFantail();
    next(problem("not-found", 404, { detail: "A\u001B[31mB\u0007" }));
    const { stderr } = await fantail(["get", "evt_1"], at(url));
    expect(stderr).toContain("A\uFFFD[31mB\uFFFD");
  });
});

describe.skipIf(process.platform !== "linux")("open", () => {
  const URL = "https://events.example.com";

  test.each([
    [[], "/"],
    [["evt_1"], "/events/evt_1"],
    [["dlv_1"], "/deliveries/dlv_1"],
    [["sub_1"], "/subscriptions/sub_1"],
    [["key_1"], "/keys"],
  ])("%j is given to the system's opener, and shown", async (ids, path) => {
    const folder = emptyFolder();
    writeFileSync(
      join(folder, "xdg-open"),
      `#!/bin/sh\nprintf %s "$1" > ${folder}/.new && mv ${folder}/.new ${folder}/opened\n`,
      { mode: 0o755 },
    );
    const env = { FANTAIL_URL: `${URL}/`, PATH: `${folder}:/bin:/usr/bin` };
    const ran = await fantail(["open", ...ids], { env });
    expect(ran).toEqual({ code: 0, stdout: `${URL}${path}\n`, stderr: "" });
    await until("it is opened", () => existsSync(join(folder, "opened")), { withinMs: 30_000 });
    expect(readFileSync(join(folder, "opened"), "utf8")).toBe(`${URL}${path}`);
  });

  test("without an opener the person is told to", async () => {
    const ran = await fantail(["open"], { env: { FANTAIL_URL: URL, PATH: emptyFolder() } });
    expect(ran).toMatchObject({ code: 0, stdout: `${URL}/\n` });
    expect(ran.stderr).toMatch(/^There is no browser to open it with/);
  });

  test("--print opens nothing, and what is no id is refused", async () => {
    const env = { FANTAIL_URL: URL, PATH: emptyFolder() };
    expect(await fantail(["open", "--print"], { env })).toEqual({ code: 0, stdout: `${URL}/\n`, stderr: "" });
    expectTold(await fantail(["open", "constructor_1"], { env }), /constructor_1 is no id/, 2);
  });
});

describe("publish", () => {
  const sent = (body: string) => eventsOf({ body, headers: {}, method: "POST", url: "" })[0];

  test("options are an event", async () => {
    const { url, requests } = await fakeFantail();
    const args = [
      "--type",
      "order.created",
      "--id",
      "A-1",
      "--source",
      "/shop",
      "--subject",
      "eu/42",
      "--time",
      "2026-01-31T12:00:00Z",
      "--extension",
      "tenant=acme",
      "--data",
      '{"a":1}',
    ];
    const { code, stdout } = await fantail(["publish", ...args], at(url));
    expect(code).toBe(0);
    expect(stdout).toBe("accepted  evt_A-1  id A-1  matched 1: sub_1\n");
    expect(sent(requests[0]?.body ?? "")).toEqual({
      specversion: "1.0",
      type: "order.created",
      id: "A-1",
      source: "/shop",
      subject: "eu/42",
      time: "2026-01-31T12:00:00Z",
      tenant: "acme",
      data: { a: 1 },
    });
  });

  test("numbers travel as they are written, from options, files and lines", async () => {
    const { url, requests, next } = await fakeFantail();
    const data = '{"total":1.10,"id":12345678901234567890,"e":1E+2}';
    const folder = emptyFolder();
    writeFileSync(join(folder, "event.json"), `{"type":"a","data":${data}}`);
    next((response, request) =>
      json(202, {
        accepted: 1,
        rejected: 0,
        events: [{ status: "accepted", event_id: "evt_1", ...sent(request.body) }],
      })(response, request),
    );
    await fantail(["publish", "--type", "a", "--data", data], at(url));
    await fantail(["publish", "event.json"], { ...at(url), cwd: folder });
    expect(requests.length).toBe(2);
    for (const { body } of requests) expect(body).toContain(`"data":${data}`);
  });

  test("a text, bytes and stdin are payloads too", async () => {
    const { url, requests } = await fakeFantail();
    const folder = emptyFolder();
    writeFileSync(join(folder, "logo.png"), Buffer.from([1, 2, 255]));
    const cwd = { ...at(url), cwd: folder };
    await fantail(["publish", "--type", "a", "--datacontenttype", "text/plain", "--data", "{hello"], cwd);
    await fantail(["publish", "--type", "a", "--datacontenttype", "image/png", "--data-file", "logo.png"], cwd);
    await fantail(["publish", "--type", "a", "--data-file", "-"], { ...cwd, input: "[1]" });
    expect(requests.map(({ body }) => sent(body))).toMatchObject([
      { data: "{hello" },
      { data_base64: "AQL/", datacontenttype: "image/png" },
      { data: [1] },
    ]);
  });

  test("an array is published as a batch; what is refused is told by its place, with 1", async () => {
    const { url, next } = await fakeFantail();
    next((response, request) => {
      const [first] = eventsOf(request);
      const events = [
        { status: "accepted", event_id: "evt_1", ...first, matched: 0, subscription_ids: [] },
        { status: "rejected", problem: problemOf("invalid-event", 422) },
      ];
      json(207, { accepted: 1, rejected: 1, events })(response, request);
    });
    const { code, stdout, stderr } = await fantail(["publish", "-"], {
      ...at(url),
      input: '[{"type":"a"},{"type":"b"}]',
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "1 accepted, 1 rejected\n" });
    expect(stderr).toMatch(/^fantail: events\[1\]: The detail of invalid-event \(invalid-event, req_[^\n]*\n$/);
  });

  test.each([
    ['{"data":1}', /stdin\.type must be a string/],
    ['{"type":"a","kind":1}', /stdin has an unknown member kind/],
    ["7", /stdin must be an object/],
    ['[{"type":"a"},{}]', /stdin: events\[1\]\.type must be a string/],
    ["", /stdin:1:1: This is not valid JSON: it ends too early/],
  ])("what is no event is refused with 2 before anything is sent: %s", async (input, line) => {
    const { url, requests } = await fakeFantail();
    expectTold(await fantail(["publish"], { ...at(url), input }), line, 2);
    expect(requests).toEqual([]);
  });

  test("a publish that is not confirmed is told as that", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const ran = await fantail(["publish", "--type", "a"], at(url));
    expectTold(ran, /1 of 1 events are not confirmed: http:\/\/127\.0\.0\.1:\d+ cannot be reached/, 3);
  });
});
