import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { deploy } from "../../scripts/deploy.ts";
import { stubbed, type Stubbed } from "./stubbed.ts";
import type { Fact } from "./wrangler-stub.ts";

const DATABASE: Fact = { kind: "database", name: "fantail" };
const QUEUES = ["fantail-fast-0", "fantail-fast-1", "fantail-slow-0", "fantail-slow-1", "fantail-poison"];
const SECRETS = ["ROOT_KEY", "ENCRYPTION_KEY"];
const MIGRATE = "d1 migrations apply fantail --remote";
const EVERYTHING: readonly Fact[] = [
  DATABASE,
  ...QUEUES.map((name) => ({ kind: "queue", name }) as const),
  { kind: "worker" },
  ...SECRETS.map((name) => ({ kind: "secret", name }) as const),
];

/** What a run of the script would print, and its exit code. */
async function run(checkout: Stubbed, ...args: string[]): Promise<{ code: number; said: string }> {
  const before = process.cwd();
  const said: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((line: string) => void said.push(line));
  for (const [name, value] of Object.entries(checkout.env)) vi.stubEnv(name, value);
  process.chdir(checkout.directory);
  try {
    return { code: await deploy(args), said: said.join("\n") };
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
  expect(commands.slice(-3)).toEqual([
    MIGRATE,
    "secret list --format=json",
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
  const { code } = await run(checkout, "--var", "PUBLIC_HOST:events.example.com");
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

test.each(["d1 list", "d1 create", "queues info", "d1 migrations", "secret list"])(
  "deploy stops and says what wrangler said when `wrangler %s` fails",
  async (failing) => {
    const checkout = stubbed({ kind: "failing", command: failing });
    const { code, said } = await run(checkout);
    expect(code).toBe(1);
    expect(said).toContain("Something broke [code: 10000]");
    expect(checkout.facts("worker")).toEqual([]);
  },
);

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
  const checkout = stubbed(...EVERYTHING.slice(0, 6), { kind: "failing", command: "deploy" });
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

test("deploy touches no account with --dry-run", async () => {
  const checkout = stubbed();
  expect((await run(checkout, "--dry-run", "--outdir", "out")).code).toBe(0);
  expect(checkout.commands()).toEqual(["deploy --dry-run --outdir out"]);
});

test("deploy --dry-run bundles the Worker with the real wrangler", () => {
  const directory = mkdtempSync(join(tmpdir(), "fantail-dry-run-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const args = ["scripts/deploy.ts", "--dry-run", "--outdir", directory];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    env: { ...process.env, WRANGLER_LOG: "log" },
  });
  expect(stderr).toBe("");
  expect(stdout).toContain("--dry-run: exiting now.");
  expect(readdirSync(directory)).toContain("index.js");
  expect(status).toBe(0);
});
