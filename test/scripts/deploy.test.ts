import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stubbed } from "./stubbed.ts";

const QUEUES = ["fantail-fast-0", "fantail-fast-1", "fantail-slow-0", "fantail-slow-1", "fantail-poison"];
const SECRETS = ["ROOT_KEY", "ENCRYPTION_KEY"];
const MIGRATE = "d1 migrations apply fantail --remote";
const EVERYTHING = { databases: ["fantail"], queues: QUEUES, secrets: SECRETS };

async function deploy(checkout: ReturnType<typeof stubbed>, ...args: string[]) {
  const running = checkout.start("deploy.ts", args);
  const code = await running.code;
  return { code, said: running.said(), account: checkout.account() };
}

test("deploy makes database and queues, migrates, then deploys with new secrets when the account is new", async () => {
  const { code, said, account } = await deploy(stubbed());
  expect(code).toBe(0);
  expect(account).toMatchObject({ databases: ["fantail"], queues: QUEUES, secrets: SECRETS });
  expect(account.commands.filter((command) => / (create|apply) |^deploy/.test(command))).toEqual([
    "d1 create fantail",
    ...QUEUES.map((queue) => `queues create ${queue}`),
    MIGRATE,
    expect.stringMatching(/^deploy --secrets-file /),
  ]);

  expect(account.uploaded?.mode).toBe(0o600);
  for (const name of SECRETS) {
    const value = account.uploaded?.secrets[name] ?? "";
    expect(Buffer.from(value, "base64")).toHaveLength(32);
    expect(said.split(`${name}=${value}`)).toHaveLength(2);
  }
  expect(account.uploaded?.secrets["ROOT_KEY"]).not.toBe(account.uploaded?.secrets["ENCRYPTION_KEY"]);
});

test("deploy removes the file with the secrets, whether or not the deploy worked", async () => {
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith("fantail-") && !name.startsWith("fantail-s"));
  await deploy(stubbed());
  await deploy(stubbed({ failing: "deploy" }));
  const leftBehind = readdirSync(tmpdir()).filter((name) => /^fantail-[^-]+$/.test(name) && !before.includes(name));
  expect(leftBehind).toEqual([]);
});

test("deploy changes nothing but the Worker when everything exists", async () => {
  const { code, said, account } = await deploy(stubbed(EVERYTHING));
  expect(code).toBe(0);
  expect(account.commands.filter((command) => command.includes(" create "))).toEqual([]);
  expect(account.commands.slice(-3)).toEqual([MIGRATE, "secret list --format=json", "deploy"]);
  expect(account.uploaded).toBeNull();
  expect(said).not.toContain("ROOT_KEY");
});

test("deploy leaves secrets alone on its second run", async () => {
  const checkout = stubbed();
  const first = await deploy(checkout);
  const second = await deploy(checkout);
  expect(second.code).toBe(0);
  expect(second.account.uploaded).toEqual(first.account.uploaded);
  expect(second.account.commands.at(-1)).toBe("deploy");
  expect(second.said).not.toContain("ROOT_KEY=");
});

test("deploy makes only what is missing when half of it exists", async () => {
  const half = { databases: ["fantail-old", "fantail"], queues: QUEUES.slice(0, 2), secrets: ["ROOT_KEY"] };
  const { code, account } = await deploy(stubbed(half));
  expect(code).toBe(0);
  expect(account.commands.filter((command) => command.includes(" create "))).toEqual(
    QUEUES.slice(2).map((queue) => `queues create ${queue}`),
  );
  expect(Object.keys(account.uploaded?.secrets ?? {})).toEqual(["ENCRYPTION_KEY"]);
});

test("deploy makes a database whose name only begins like another's", async () => {
  const { account } = await deploy(stubbed({ ...EVERYTHING, databases: ["fantail-2", "my-fantail"] }));
  expect(account.databases).toContain("fantail");
});

test.each(["d1 list", "d1 create", "queues info", "queues create", "d1 migrations", "secret list"])(
  "deploy stops and says what wrangler said when `wrangler %s` fails",
  async (failing) => {
    const { code, said, account } = await deploy(stubbed({ failing }));
    expect(code).toBe(1);
    expect(said).toContain("Something broke [code: 10000]");
    expect(account.commands.at(-1)).toContain(failing);
    expect(account.secrets).toBeNull();
  },
);

test("deploy completes what a failed run left behind", async () => {
  const checkout = stubbed({ failing: `queues create ${QUEUES[3]}` });
  expect((await deploy(checkout)).code).toBe(1);
  checkout.change({ failing: null });
  const { code, account } = await deploy(checkout);
  expect(code).toBe(0);
  expect(account).toMatchObject({ databases: ["fantail"], queues: QUEUES, secrets: SECRETS });
});

test("deploy ends with wrangler's exit code and still shows the secrets when the upload may have happened", async () => {
  const { code, said } = await deploy(stubbed({ failing: "deploy" }));
  expect(code).toBe(1);
  expect(said).toMatch(/The deploy failed\..*\n {2}ROOT_KEY=.{44}\n/);
});

test("deploy says how to log in, and touches nothing, when nobody is logged in", async () => {
  const { code, said, account } = await deploy(stubbed({ loggedIn: false }));
  expect(code).toBe(1);
  expect(said).toContain("npx wrangler login");
  expect(account.commands).toEqual(["whoami --json"]);
});

test("deploy passes its arguments on to wrangler deploy", async () => {
  const { account } = await deploy(stubbed(EVERYTHING), "--var", "PUBLIC_HOST:events.example.com");
  expect(account.commands.at(-1)).toBe("deploy --var PUBLIC_HOST:events.example.com");
});

test("deploy touches no account with --dry-run", async () => {
  const { code, account } = await deploy(stubbed(), "--dry-run", "--outdir", "out");
  expect(code).toBe(0);
  expect(account.commands).toEqual(["deploy --dry-run --outdir out"]);
});

test("deploy --dry-run bundles the Worker with the real wrangler", () => {
  const out = join(tmpdir(), `fantail-dry-run-${process.pid}`);
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/deploy.ts", "--dry-run", "--outdir", out], {
    encoding: "utf8",
  });
  expect(stderr).not.toContain("WARNING");
  expect(stdout).toContain("--dry-run: exiting now.");
  expect(readdirSync(out)).toContain("index.js");
  expect(status).toBe(0);
}, 30_000);
