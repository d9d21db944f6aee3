import { readdirSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { deploy } from "../../scripts/deploy.ts";
import { stubbed, type Stubbed } from "./stubbed.ts";
import type { Fact } from "./wrangler-stub.ts";

const DATABASE: Fact = { kind: "database", name: "fantail" };
const QUEUES = ["fantail-fast-0", "fantail-fast-1", "fantail-slow-0", "fantail-slow-1", "fantail-poison"];
const SECRETS = ["ROOT_KEY", "ENCRYPTION_KEY"];
const IS_NEEDED = /^d1 execute fantail --remote --json --command SELECT /;
const MIGRATE = "d1 migrations apply fantail --remote";
/** All but a Worker. */
const RESOURCES: readonly Fact[] = [DATABASE, ...QUEUES.map((name) => ({ kind: "queue", name }) as const)];
const EVERYTHING: readonly Fact[] = [
  ...RESOURCES,
  { kind: "worker" },
  ...SECRETS.map((name) => ({ kind: "secret", name }) as const),
];

interface How {
  readonly args?: readonly string[];
  readonly terminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a run of the script would print, in a terminal unless told otherwise, and its exit code. */
async function run(checkout: Stubbed, { args = [], terminal = true, env = {} }: How = {}) {
  const before = process.cwd();
  const said: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((line: string) => void said.push(line));
  for (const [name, value] of Object.entries({ ...checkout.env, ...env })) vi.stubEnv(name, value);
  process.chdir(checkout.directory);
  try {
    return { code: await deploy(args, terminal), said: said.join("\n") };
  } catch (error) {
    return { code: 1, said: String(error) };
  } finally {
    process.chdir(before);
    vi.unstubAllEnvs();
    log.mockRestore();
  }
}

function names(checkout: Stubbed, kind: "database" | "queue" | "secret"): string[] {
  return checkout.facts(kind).map(({ name }) => name);
}

function subscription(status: string): Fact {
  const values = `'default', 'sub_1', 1, '${status}', 'https://example.com', 'binary', 1, 1, 1, '{}', '{}', 'v1.sealed', 'v1.sealed'`;
  const columns =
    "bus, id, version, status, sink, format, timeout_ms, created_ms, updated_ms, retry, wanted, secrets, headers";
  return { kind: "statement", sql: `INSERT INTO subscriptions (${columns}) VALUES (${values})` };
}

function key(status: string): Fact {
  const values = `'default', 'key_1', 1, '${status}', 'hash', '[]', 1, 1`;
  const columns = "bus, id, version, status, hash, scopes, created_ms, updated_ms";
  return { kind: "statement", sql: `INSERT INTO keys (${columns}) VALUES (${values})` };
}

function creations(checkout: Stubbed): string[] {
  return checkout.commands().filter((command) => command.includes(" create "));
}

test("deploy makes database and queues, migrates, deploys with new secrets shown once, and leaves them alone the second time", async () => {
  const checkout = stubbed();
  const first = await run(checkout);
  expect(first.code).toBe(0);
  expect(names(checkout, "database")).toEqual(["fantail"]);
  expect(names(checkout, "queue").toSorted()).toEqual(QUEUES.toSorted());
  const commands = checkout.commands();
  expect(commands.slice(-4)).toEqual([
    MIGRATE,
    "secret list --format=json",
    expect.stringMatching(IS_NEEDED),
    expect.stringMatching(/^deploy --secrets-file /),
  ]);
  expect(Math.max(...creations(checkout).map((line) => commands.indexOf(line)))).toBeLessThan(
    commands.indexOf(MIGRATE),
  );

  const [upload] = checkout.facts("upload");
  expect(upload?.mode).toBe(0o600);
  expect(Object.keys(upload?.secrets ?? {})).toEqual(SECRETS);
  for (const [name, value] of Object.entries(upload?.secrets ?? {})) {
    expect(Buffer.from(value, "base64")).toHaveLength(32);
    expect(first.said.split(`${name}=${value}`)).toHaveLength(2);
  }
  expect(new Set(Object.values(upload?.secrets ?? {})).size).toBe(SECRETS.length);

  const second = await run(checkout);
  expect(second.code).toBe(0);
  expect(creations(checkout)).toHaveLength(1 + QUEUES.length);
  expect(checkout.commands().slice(-3)).toEqual([MIGRATE, "secret list --format=json", "deploy"]);
  expect(checkout.facts("upload")).toHaveLength(1);
  expect(second.said).not.toContain("ROOT_KEY");
});

test("deploy makes nothing and passes its arguments on when everything exists", async () => {
  const checkout = stubbed(...EVERYTHING);
  const { code } = await run(checkout, { args: ["--var", "PUBLIC_HOST:events.example.com"], terminal: false });
  expect(code).toBe(0);
  expect(creations(checkout)).toEqual([]);
  expect(checkout.facts("upload")).toEqual([]);
  expect(checkout.commands().at(-1)).toBe("deploy --var PUBLIC_HOST:events.example.com");
});

test("deploy makes only what is missing when half of it exists, other names notwithstanding", async () => {
  const checkout = stubbed(
    { kind: "database", name: "fantail-2" },
    { kind: "database", name: "my-fantail" },
    { kind: "queue", name: "fantail-fast-0" },
    { kind: "queue", name: "fantail-slow-10" },
    { kind: "worker" },
    { kind: "secret", name: "ROOT_KEY" },
  );
  expect((await run(checkout)).code).toBe(0);
  expect(creations(checkout).toSorted()).toEqual(
    ["d1 create fantail", ...QUEUES.slice(1).map((queue) => `queues create ${queue}`)].toSorted(),
  );
  expect(Object.keys(checkout.facts("upload")[0]?.secrets ?? {})).toEqual(["ENCRYPTION_KEY"]);
});

test.each<[string, readonly Fact[]]>([
  ["d1 list", []],
  ["d1 create", []],
  ["queues info", []],
  ["d1 migrations", RESOURCES],
  ["secret list", RESOURCES],
  ["d1 execute", RESOURCES],
])("deploy stops and says what wrangler said when `wrangler %s` fails", async (failing, facts) => {
  const checkout = stubbed(...facts, { kind: "failing", command: failing });
  const { code, said } = await run(checkout);
  expect(code).toBe(1);
  expect(said).toContain("Something broke [code: 10000]");
  expect(checkout.facts("worker")).toEqual([]);
});

test("deploy completes what a run left behind that failed half-way", async () => {
  const checkout = stubbed({ kind: "failing", command: "queues create fantail-slow-0" });
  expect((await run(checkout)).code).toBe(1);
  expect(checkout.commands()).not.toContain(MIGRATE);
  checkout.add({ kind: "failing", command: "" });
  expect((await run(checkout)).code).toBe(0);
  expect(names(checkout, "database")).toEqual(["fantail"]);
  expect(names(checkout, "queue").toSorted()).toEqual(QUEUES.toSorted());
  expect(names(checkout, "secret")).toEqual(SECRETS);
});

test("deploy shows the secrets and leaves no file with them when wrangler deploy fails, for the upload may have happened", async () => {
  const checkout = stubbed(...RESOURCES, { kind: "failing", command: "deploy" });
  const before = readdirSync(checkout.directory);
  const { code, said } = await run(checkout);
  expect(code).toBe(1);
  expect(said).toMatch(/The deploy failed\..*\n {2}ROOT_KEY=.{44}\n/);
  expect(readdirSync(checkout.directory)).toEqual(before);
});

test("deploy says how to log in, and touches nothing, when nobody is logged in", async () => {
  const checkout = stubbed({ kind: "logged-out" });
  const { code, said } = await run(checkout);
  expect(code).toBe(1);
  expect(said).toContain("npx wrangler login");
  expect(checkout.commands()).toEqual(["whoami --json"]);
});

test.each([
  "--env staging",
  "--env=staging",
  "-e staging",
  "-e=staging",
  "--e=staging",
  "--name other",
  "--name=other",
  "--config other.toml",
  "--config=other.toml",
  "-c other.toml",
  "-c./other.toml",
  "--cwd=elsewhere",
  "--profile=other",
  "--env-file=other",
  "--dispatch-namespace=other",
  "--secrets-file=mine.json",
  "elsewhere/index.ts",
  "-- elsewhere/index.ts",
  "--dry-run=false",
  "--dryRun",
  "--message --env",
])("deploy refuses `%s` before it runs anything", async (line) => {
  const checkout = stubbed(...EVERYTHING);
  const { code, said } = await run(checkout, { args: line.split(" ") });
  expect(code).toBe(1);
  expect(said).toContain("This deploys the Worker of wrangler.toml and no other; it takes --dry-run, --outdir, ");
  expect(checkout.commands()).toEqual([]);
});

test("deploy refuses a name of Workers Builds that is not the Worker's, and takes one that is", async () => {
  const other = stubbed(...EVERYTHING);
  const { code, said } = await run(other, { env: { WRANGLER_CI_OVERRIDE_NAME: "other" } });
  expect(code).toBe(1);
  expect(said).toContain("WRANGLER_CI_OVERRIDE_NAME is other, but the Worker of wrangler.toml is fantail");
  expect(other.commands()).toEqual([]);

  const same = stubbed(...EVERYTHING);
  expect((await run(same, { env: { WRANGLER_CI_OVERRIDE_NAME: "fantail" } })).code).toBe(0);
  expect(same.commands().at(-1)).toBe("deploy");
});

test.each([
  ["a subscription", subscription("active"), []],
  ["a disabled subscription", subscription("disabled"), [{ kind: "worker" }, { kind: "secret", name: "ROOT_KEY" }]],
  ["an API key", key("active"), []],
] as const)(
  "deploy makes no ENCRYPTION_KEY when the database holds %s, and says how to set the old one",
  async (_, held, worker) => {
    const checkout = stubbed(...RESOURCES, held, ...worker);
    const { code, said } = await run(checkout);
    expect(code).toBe(1);
    expect(said).toContain("npx wrangler secret put ENCRYPTION_KEY");
    expect(said).not.toMatch(/_KEY=/);
    expect(checkout.commands().filter((command) => command.startsWith("deploy"))).toEqual([]);
  },
);

test("deploy makes an ENCRYPTION_KEY when all that the database held is deleted", async () => {
  const checkout = stubbed(...RESOURCES, subscription("deleted"), key("deleted"));
  expect((await run(checkout)).code).toBe(0);
  expect(names(checkout, "secret")).toEqual(SECRETS);
});

test("deploy makes a ROOT_KEY alone, whatever the database holds", async () => {
  const facts = EVERYTHING.filter((fact) => !("name" in fact && fact.name === "ROOT_KEY"));
  const checkout = stubbed(...facts, subscription("active"), key("active"));
  expect((await run(checkout)).code).toBe(0);
  expect(Object.keys(checkout.facts("upload")[0]?.secrets ?? {})).toEqual(["ROOT_KEY"]);
});

test("deploy makes no secrets when they would be printed into a log", async () => {
  const checkout = stubbed(...RESOURCES);
  const running = checkout.start("deploy.ts");
  expect(await running.code).toBe(1);
  expect(running.said()).toContain("npx wrangler secret put ROOT_KEY; npx wrangler secret put ENCRYPTION_KEY");
  expect(running.said()).not.toMatch(/_KEY=/);
  expect(checkout.commands().filter((command) => command.startsWith("deploy"))).toEqual([]);
});

test("deploy prints new secrets into a log, once, with --print-secrets, which wrangler never sees", async () => {
  const checkout = stubbed(...RESOURCES);
  const { code, said } = await run(checkout, { args: ["--tag=v1", "--print-secrets"], terminal: false });
  expect(code).toBe(0);
  for (const [name, value] of Object.entries(checkout.facts("upload")[0]?.secrets ?? {}))
    expect(said.split(`${name}=${value}`)).toHaveLength(2);
  expect(names(checkout, "secret")).toEqual(SECRETS);
  expect(checkout.commands().at(-1)).toMatch(/^deploy --tag=v1 --secrets-file \S+$/);
});

test("deploy touches no account with --dry-run", async () => {
  const checkout = stubbed();
  expect((await run(checkout, { args: ["--dry-run", "--outdir", "out"] })).code).toBe(0);
  expect(checkout.commands()).toEqual(["deploy --dry-run --outdir out"]);
});
