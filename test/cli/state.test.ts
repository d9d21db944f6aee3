// `plan` and `apply` against a real router on this machine.
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { KeyCreated } from "../../src/client/api.ts";
import { createClient } from "../../src/client/client.ts";
import type { MadeSecret } from "../../src/cli/state/secrets.ts";
import { emptyFolder, fantail, type RunOptions } from "./command.ts";
import { HAS_TERMINAL, startInTerminal } from "./terminal.ts";
import { documentOf, HANG_MS, published, startWorld } from "./world.ts";

const world = startWorld();
const { freshBus } = world;

describe("buses as code", { timeout: HANG_MS }, () => {
  const file = (bus: string, more = "") => `buses:
  ${bus}:
    retention_days: 3
    subscriptions:
      billing:
        sink: https://billing.example.com/\${PART}
        types: [order.created]
        headers: { x-token: "\${TOKEN}" }
      audit: { sink: "https://audit.example.com" }
    keys:
      shop: { scopes: [publish], types: ["order.*"] }
${more}`;
  const env = { PART: "hooks", TOKEN: "t0ps3cret" };
  const written = (text: string) => {
    const cwd = emptyFolder();
    writeFileSync(join(cwd, "fantail.yaml"), text);
    return { cwd, env };
  };

  test("are made once, with their keys in a file of one's own, and a second time nothing changes", async () => {
    const bus = "code-1";
    const run = (args: string[], options: RunOptions) => fantail(args, { ...options, env: world.env(options.env) });
    const place = written(file(bus));
    const planned = await run(["plan"], place);
    expect(planned.stdout).toMatch(/^ {2}\+ bus code-1\n {6}retention_days: 3\n {2}\+ subscription billing$/m);
    expect(planned.stdout).toMatch(/4 to create, 0 to change, 0 to delete\n$/);
    expect((await run(["plan", "--detailed-exitcode"], place)).code).toBe(4);

    const unasked = await run(["apply"], place);
    expect(unasked).toMatchObject({ code: 2 });
    expect(unasked.stderr).toMatch(
      /^fantail: Apply this: 4 to create, .* There is no terminal to ask on: give --yes\n$/,
    );

    const applied = await run(["apply", "--yes", "--secrets-file", "secrets.json"], place);
    expect(applied).toMatchObject({ code: 0, stderr: "" });
    expect(applied.stdout).toMatch(/4 of 4 changes are made\n$/);
    expect(planned.stdout + applied.stdout).not.toMatch(/t0ps3cret|whsec_|ftk_/);
    const secrets = join(place.cwd, "secrets.json");
    expect(statSync(secrets).mode & 0o777).toBe(0o600);
    const made: readonly MadeSecret[] = JSON.parse(readFileSync(secrets, "utf8"));
    expect(made.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "subscription billing",
      "subscription audit",
      "key shop",
    ]);
    expect(made[2]?.secret).toMatch(/^ftk_code-1_/);
    const client = createClient({ url: world.url(), key: world.rootKey(), bus });
    const [audit, billing] = (await client.subscriptions.list().page()).data.toSorted((a, b) =>
      (a.name ?? "") < (b.name ?? "") ? -1 : 1,
    );
    expect(billing).toMatchObject({ sink: "https://billing.example.com/hooks", headers: { "x-token": "…" } });
    expect(audit).toMatchObject({ sink: "https://audit.example.com/" });

    for (const args of [["plan", "--detailed-exitcode"], ["apply"]]) {
      const { code, stdout } = await run(args, place);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^bus code-1: no changes$/m);
      expect(stdout).toMatch(/No changes\n$/);
    }
    expect(
      (await run(["apply", "--yes", "--secrets-file", "secrets.json"], { ...place, env: { ...env, PART: "other" } }))
        .stderr,
    ).toContain("secrets.json is there already");
  });

  test.skipIf(!HAS_TERMINAL)("are shown as a diff on a terminal, which is asked", async () => {
    const { bus, client } = await freshBus();
    const { cwd } = written(file(bus));
    const options = { cwd, env: world.env(env), input: null };
    for (const [answer, subscriptions] of [
      ["n", 0],
      ["y", 2],
    ] as const) {
      const running = startInTerminal(["apply"], options);
      await running.saw("stdout", /Apply this: 3 to create, 1 to change, 0 to delete\? \[y\/N\] /);
      expect(running.written().stdout).toContain("\u001B[32m  + subscription billing\u001B[39m");
      running.child.stdin?.write(`${answer}\r`);
      expect((await running.ended).code).toBe(answer === "y" ? 0 : 1);
      expect((await client.subscriptions.list().page()).data).toHaveLength(subscriptions);
    }
  });

  test("say how many events would go another way, and change what differs", async () => {
    const { bus, client, run } = await freshBus();
    const place = written(file(bus));
    expect((await run(["apply", "--yes"], place)).code).toBe(0);
    await published(client, ["order.created", "order.paid", "order.paid", "order.lost"]);

    const changed = written(file(bus).replace("[order.created]", "[order.paid]"));
    const plan = documentOf(await run(["plan", "--json"], changed));
    expect(plan).toMatchObject({
      changes: 1,
      routes: { changed: 3, is_part: false },
      buses: [
        {
          bus,
          changes: [
            {
              action: "update",
              kind: "subscription",
              name: "billing",
              members: [{ name: "types" }],
              routes: { examined: 4, gained: 2, lost: 1, is_part: false },
            },
          ],
        },
      ],
    });
    expect((await run(["plan", "--no-impact"], changed)).stdout).not.toContain("routes:");
    const { stdout } = await run(["plan"], changed);
    expect(stdout).toContain(
      '      - types: ["order.created"]\n      + types: ["order.paid"]\n      routes: 2 more taken, 1 no longer, of all 4 events of the last day',
    );
    expect(stdout).toMatch(
      /^3 routes of the last day's events would change\n0 to create, 1 to change, 0 to delete\n$/m,
    );
    expect(documentOf(await run(["apply", "--yes", "--json"], changed))).toEqual({ changes: 1, secrets: [] });
    expect((await client.subscriptions.list().page()).data.find(({ name }) => name === "billing")?.types).toEqual([
      "order.paid",
    ]);
  });

  test("leave alone what they do not name, until they are told to prune; never what has no name, nor a pause", async () => {
    const { bus, client, run } = await freshBus();
    const place = written(file(bus));
    await run(["apply", "--yes"], place);
    const by = await client.subscriptions.create({ name: "by-hand", sink: "https://b.example" });
    const unnamed = await client.subscriptions.create({ sink: "https://c.example" });
    const billing = (await client.subscriptions.list().page()).data.find(({ name }) => name === "billing");
    await client.subscriptions.update(billing?.id ?? "", { status: "paused" });
    expect((await run(["plan"], place)).stdout).toMatch(/^ {2}2 more that the file does not name: they stay$/m);
    const pruned = await run(["apply", "--prune", "--yes"], place);
    expect(pruned.stdout).toMatch(new RegExp(`^  - subscription by-hand \\(${by.id}\\)$`, "m"));
    const left = (await client.subscriptions.list().page()).data;
    expect(left.map(({ id }) => id)).toContain(unnamed.id);
    expect(left.map(({ name }) => name)).not.toContain("by-hand");
    expect(left.find(({ name }) => name === "billing")?.status).toBe("paused");
  });

  test("are refused when two subscriptions have the name", async () => {
    const { bus, client, run } = await freshBus();
    await client.subscriptions.create({ name: "audit", sink: "https://a.example" });
    await client.subscriptions.create({ name: "audit", sink: "https://a.example" });
    const ran = await run(["apply", "--yes"], written(file(bus)));
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    expect(ran.stderr).toMatch(/^fantail: Bus cli-\d+ has 2 subscriptions named audit \(sub_\w+, sub_\w+\): [^\n]*\n$/);
  });

  test("stop at what the router refuses, say what was made, and go on the next time", async () => {
    const { bus, run } = await freshBus();
    const bad = await run(
      ["apply", "--yes"],
      written(file(bus).replace("https://audit.example.com", "https://10.0.0.1")),
    );
    expect(bad.code).toBe(1);
    expect(bad.stderr).toMatch(
      /^fantail: subscription audit: sink must have a public address: .* \(2 of 4 changes are made; apply again to go on\)\n$/,
    );
    const good = await run(["apply", "--yes"], written(file(bus)));
    expect(good.stdout).toMatch(/2 of 2 changes are made\n$/);
  });

  test("with a key of the bus need no root key, and name no other bus", async () => {
    const { bus, run } = await freshBus();
    const { key } = documentOf<KeyCreated>(await run(["keys", "create", "--scopes", "manage,read", "--json"]));
    const text = `subscriptions:\n  audit: { sink: "https://audit.example.com" }\n`;
    const ofBus = { env: { FANTAIL_KEY: key, FANTAIL_BUS: "" } };
    expect((await run(["apply", "--yes"], { ...written(text), ...ofBus })).stdout).toContain(`bus ${bus}\n`);
    const other = await run(["plan"], { ...written(`bus: default\n${text}`), ...ofBus });
    expect(other).toMatchObject({ code: 1 });
    expect(other.stderr).toMatch(/\(forbidden, req_\w+\)\n$/);
  });
});
