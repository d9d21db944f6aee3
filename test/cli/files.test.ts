// What a person writes into files: where it is wrong, and that nothing of it is changed on the way.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseEventJson, parseJson, parseYaml } from "../../src/cli/documents.ts";
import { Failure } from "../../src/cli/failure.ts";
import { readFilterTests, runFilterTest } from "../../src/cli/filter-tests.ts";
import { readOutline } from "../../src/cli/state/outline.ts";
import { wantedBuses, wantedFilters } from "../../src/cli/state/wanted.ts";
import { durationMs, pastTime } from "../../src/cli/times.ts";
import { emptyFolder } from "./command.ts";

/** The lines of the failure that the work ends with; it must end with one of exit code 2. */
async function refused(work: () => unknown): Promise<readonly string[]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof Failure && error.exitCode === 2) return error.lines;
    throw error;
  }
  throw new Error("It was taken");
}

function yamlFile(text: string): string {
  const file = join(emptyFolder(), "fantail.yaml");
  writeFileSync(file, text);
  return file;
}

describe("JSON", () => {
  test.each([
    ['{"a":}', 'f:1:6: This is not valid JSON: "}" cannot stand there'],
    ['{\n  "a": 1,\n}', 'f:3:1: This is not valid JSON: "}" cannot stand there'],
    ["[1", "f:1:3: This is not valid JSON: it ends too early"],
    ['{"a": 9007199254740993}', "f:1:7: 9007199254740993 is a number that would be changed: write it as a string"],
    ['{"a":\n[1e400]}', "f:2:2: 1e400 is a number that would be changed: write it as a string"],
  ])("%j is told with its place", async (text, line) =>
    expect(await refused(() => parseJson(text, "f"))).toEqual([line]),
  );

  test.each(['{"a":"9007199254740993"}', '{"a\\"9007199254740993":1}', '{"a":0.1,"b":300.0,"c":1e3,"d":-0}'])(
    "%s is taken",
    (text) => expect(parseJson(text, "f")).toEqual(JSON.parse(text)),
  );

  test.each(['{"a":1.10}', '{"a":12345678901234567890,"b":[1E+2,-0.0]}', "[1.0]", '"1.10"', '{"":1.50}'])(
    "an event's %s is written again as it was",
    (text) => expect(JSON.stringify(parseEventJson(text, "f"))).toBe(text),
  );
});

describe("YAML", () => {
  test.each([
    ["a: 1\n b: 2\n", /^f:1:4: This is not valid YAML: /],
    ["a: [1, 2\n", /^f:2:1: This is not valid YAML: /],
    ["a: 1\na: 2\n", /^f:2:1: This is not valid YAML: Map keys must be unique/],
    ["a: !thing 1\n", /^f:1:4: This is not valid YAML: Unresolved tag/],
    ["a:\n  - 9007199254740993\n", /^f:2:5: 9007199254740993 is a number that would be changed/],
    [
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${"bcdefghij"
        .split("")
        .map((name, n) => `${name}: &${name} [${Array(10).fill(`*${"abcdefghi"[n]}`).join(",")}]`)
        .join("\n")}\n`,
      /^f: This is not valid YAML: Excessive alias count/,
    ],
  ])("%j is told in one line with its place", async (text, line) => {
    const lines = await refused(() => parseYaml(text, "f"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(line);
  });

  test("JSON is YAML too, and merge keys work", () => {
    expect(parseYaml('{"a": [1.10, "x"]}', "f").value).toEqual({ a: [1.1, "x"] });
    expect(parseYaml("a: &a { x: 1 }\nb: { <<: *a, y: 2 }\n", "f").value).toMatchObject({ b: { x: 1, y: 2 } });
  });
});

describe("fantail.yaml", () => {
  const read = async (text: string, env: Record<string, string> = {}) =>
    wantedBuses(await readOutline(yamlFile(text)), env);
  const placed = (lines: readonly string[]) =>
    lines.map((line) => line.slice(line.lastIndexOf("fantail.yaml") + "fantail.yaml".length));

  test.each([
    ["7", [":1:1: The file must be an object with buses, or with subscriptions and keys"]],
    ["buses: []\n", [":1:8: buses must be an object"]],
    ["buses: {}\nkeys: {}\n", [":2:7: keys is not known beside buses"]],
    ["buses:\n  Big: {}\n", [":2:8: buses.Big must be 1 to 32 of a-z, 0-9 and hyphen"]],
    ["bus: 7\n", [":1:6: bus must be 1 to 32 of a-z, 0-9 and hyphen"]],
    ["retention: 3\n", [":1:12: retention is not known"]],
    ["retention_days: 31\n", [":1:17: retention_days must be at most 30"]],
    ["subscriptions: [a]\n", [":1:16: subscriptions must be an object"]],
    ["subscriptions:\n  a:\n", [":2:5: subscriptions.a.sink is required"]],
    ["subscriptions:\n  a: { sink: nope }\n", [":2:14: subscriptions.a.sink must be an absolute URL"]],
    [
      "subscriptions:\n  a: { sink: https://a.example, sinks: 1, timeout_ms: 1 }\n",
      [":2:40: subscriptions.a.sinks is not known", ":2:55: subscriptions.a.timeout_ms must be at least 1000"],
    ],
    [
      "subscriptions:\n  a:\n    sink: https://a.example\n    filters:\n      - sql: 'a ='\n",
      [/^:5:14: subscriptions\.a\.filters\.0\.sql .*at character \d+$/],
    ],
    [
      "subscriptions:\n  a: { sink: https://a.example, types: order }\n",
      [":2:40: subscriptions.a.types must be an array"],
    ],
    [
      "subscriptions:\n  a: { sink: https://a.example, secret: short }\n",
      [":2:41: subscriptions.a.secret must begin with whsec_"],
    ],
    [
      "subscriptions:\n  a: { sink: https://a.example, rate: { limit: 5 } }\n",
      [":2:39: subscriptions.a.rate.period_s is required"],
    ],
    ["keys:\n  k: { types: [a] }\n", [":2:6: keys.k.scopes is required"]],
    [
      "keys:\n  k: { scopes: [root], expires_at: soon }\n",
      [
        ":2:17: keys.k.scopes.0 must be one of publish, read, manage",
        /^:2:36: keys\.k\.expires_at must be a time as in RFC 3339/,
      ],
    ],
  ])("%j is refused, each fault with its place", async (text, expected) => {
    const lines = placed(await refused(() => read(text)));
    expect(lines).toEqual(expected.map((line) => (typeof line === "string" ? line : expect.stringMatching(line))));
  });

  const WITH_VARIABLES =
    "subscriptions:\n  a: { sink: 'https://${HOST}/x', headers: { x-token: '${TOKEN}' }, source: '$${HOST}' }\n";

  test("variables are filled in, their members known as secret, and $${ is itself", async () => {
    const [bus] = await read(WITH_VARIABLES, { HOST: "a.example", TOKEN: "t0p" });
    const [one] = bus?.subscriptions ?? [];
    expect(one?.members).toEqual({ sink: "https://a.example/x", headers: { "x-token": "t0p" }, source: "${HOST}" });
    expect([...(one?.secret ?? [])]).toEqual(["sink", "headers"]);
  });

  test("each variable that is not set, or empty, is told with its place", async () => {
    expect(placed(await refused(() => read(WITH_VARIABLES, { HOST: "" })))).toEqual([
      ":2:14: subscriptions.a.sink names ${HOST}, which is not set in the environment",
      ":2:55: subscriptions.a.headers.x-token names ${TOKEN}, which is not set in the environment",
    ]);
  });

  test("no fault holds what is in the environment", async () => {
    const lines = await refused(() =>
      read("subscriptions:\n  a: { sink: '${SINK}', secret: '${S}' }\n", { SINK: "t0p", S: "t1p" }),
    );
    expect(lines.join()).not.toMatch(/t[01]p/);
  });

  test("a file that is not there is said", async () => {
    expect(await refused(() => readOutline("nope.yaml"))).toEqual(["nope.yaml does not exist"]);
  });
});

describe("tests of filters", () => {
  const FILE = `subscriptions:
  billing: { sink: 'https://\${HOST}', types: [order.created], filters: [{ prefix: { subject: eu/ } }] }
  audit: { sink: https://a.example }
`;
  const buses = async (text = FILE) => wantedFilters(await readOutline(yamlFile(text)), {});
  const run = async (tests: string, text?: string) => {
    const found = await buses(text);
    return readFilterTests(parseYaml(tests, "t")).map((one) => runFilterTest(one, found, 0));
  };
  const EU = "{ type: order.created, subject: eu/42 }";

  test("who takes it must be exactly who is expected", async () => {
    const results = await run(
      `- { event: ${EU}, expect: [billing, audit] }\n- { event: ${EU}, expect: [billing] }\n- { event: { type: x }, expect: [billing, audit] }`,
    );
    expect(
      results.map(({ name, takenBy, misses }) => ({
        name,
        takenBy,
        misses: misses.map(({ subscription, expected }) => ({ subscription, expected })),
      })),
    ).toEqual([
      { name: "test 1", takenBy: ["billing", "audit"], misses: [] },
      { name: "test 2", takenBy: ["billing", "audit"], misses: [{ subscription: "audit", expected: false }] },
      { name: "test 3", takenBy: ["audit"], misses: [{ subscription: "billing", expected: true }] },
    ]);
  });

  test("beside expect_not nothing is said of the others", async () => {
    const results = await run(
      `- { event: ${EU}, expect: [billing], expect_not: [] }\n- { event: ${EU}, expect_not: [billing] }`,
    );
    expect(results.map(({ misses }) => misses.length)).toEqual([0, 1]);
  });

  test("a miss has the clause that failed", async () => {
    const [result] = await run("- { event: { type: order.created, subject: us/1 }, expect: [billing, audit] }");
    expect(result?.misses[0]?.clauses).toContainEqual({
      pointer: "/filters/0/prefix/subject",
      wanted: "eu/",
      observed: "us/1",
      matched: false,
    });
  });

  test.each([
    ["a: 1", /^t:1:1: The file must be a list of tests/],
    ["- 7", /^t:1:3: A test must be an object of name, bus, event, expect, expect_not/],
    ["- { event: { type: a } }", /^t:1:3: expect is required, or expect_not/],
    ["- { event: a, expect: [audit] }", /^t:1:12: event must be an object/],
    ["- { event: { type: a }, expect: audit }", /^t:1:33: expect must be a list of names/],
    ["- { event: { type: a }, expected: [audit], expect: [] }", /^t:1:35: expected is not known/],
    ["- { event: { type: a }, expect: [nobody] }", /^t:1:3: test 1: there is no subscription nobody in the file/],
    ["- { event: { kind: a }, expect: [audit] }", /^t:1:3: test 1: the event is not valid: /],
    ["- { bus: eu, event: { type: a }, expect: [] }", /^t:1:3: test 1: there is no bus eu in the file/],
  ])("%j says nothing, and is refused", async (tests, line) => {
    const [first] = await refused(() => run(tests));
    expect(first).toMatch(line);
  });

  test("of several buses a test must say which", async () => {
    const both = `buses:\n  eu: { subscriptions: { a: { sink: https://a.example } } }\n  us: {}\n`;
    expect((await refused(() => run("- { event: { type: a }, expect: [a] }", both)))[0]).toContain(
      "the file has several buses",
    );
    expect(await run("- { bus: eu, event: { type: a }, expect: [a] }", both)).toMatchObject([{ misses: [] }]);
  });

  test("a filter that does not compile is told, with its place", async () => {
    const lines = await refused(() => buses("subscriptions:\n  a: { filters: [{ nope: 1 }] }\n"));
    expect(lines[0]).toMatch(/:2:26: subscriptions\.a\.filters\.0\.nope is not known, a dialect is one of exact/);
  });
});

describe("times", () => {
  test("a duration is before now, a time is itself", () => {
    expect(pastTime("90s", "--since", 100_000)).toEqual(new Date(10_000));
    expect(pastTime("2026-01-31T12:00:00+01:00", "--since", 0)).toEqual(new Date("2026-01-31T11:00:00Z"));
    expect(durationMs("2w", "--overlap")).toBe(14 * 86_400_000);
  });

  test.each(["", "5", "5y", "-5m", "1.5h", "yesterday", "2026-01-31"])("%j is neither", async (text) => {
    expect(await refused(() => pastTime(text, "--since", 0))).toHaveLength(1);
  });
});
