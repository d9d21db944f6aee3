// The real binary against a real router on this machine: events, keys, and filters.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { until } from "../../scripts/rig/until.ts";
import type { KeyCreated, KeyRotated, SubscriptionCreated } from "../../src/client/api.ts";
import type { AcceptedEvent } from "../../src/client/errors.ts";
import { emptyFolder, type Ran } from "./command.ts";
import { documentOf, HANG_MS, published, settled, startSink, startWorld } from "./world.ts";

const { freshBus } = startWorld();

interface Row {
  readonly id?: string;
  readonly event_id?: string;
  readonly line?: number;
  readonly status: string;
}

const rowsOf = ({ stdout }: Ran): readonly Row[] =>
  stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));

/** Runs it until it does not succeed: a key ends a moment after it was told to. */
async function untilRefused(run: () => Promise<Ran>): Promise<Ran> {
  let ran = await run();
  await until("it is refused", async () => (ran = await run()).code !== 0, { withinMs: HANG_MS });
  return ran;
}

describe("an event", { timeout: HANG_MS }, () => {
  test("is published, found with its deliveries, explained, and tried again", async () => {
    const { client, run } = await freshBus();
    let status = 410;
    const made = documentOf<SubscriptionCreated>(
      await run([
        "subs",
        "create",
        "--name",
        "billing",
        "--sink",
        await startSink(() => status),
        "--types",
        "order.created",
        "--filter",
        '{"prefix":{"subject":"eu/"}}',
        "--json",
      ]),
    );
    expect(made.secret).toMatch(/^whsec_/);
    const accepted = documentOf<AcceptedEvent>(
      await run([
        "publish",
        "--type",
        "order.created",
        "--subject",
        "eu/1",
        "--data",
        '{"total":1.10}',
        "--explain",
        "--json",
      ]),
    );
    expect(accepted).toMatchObject({
      status: "accepted",
      matched: 1,
      subscription_ids: [made.id],
      explain: [{ matched: true }],
    });
    await settled(client, accepted.event_id);

    const shown = await run(["get", accepted.event_id]);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toMatch(/^subject +eu\/1$/m);
    expect(shown.stdout).toMatch(/^dlv_\w+ +sub_\w+ +dead +1 +410 +gone$/m);
    const explained = await run(["explain", accepted.event_id, made.id]);
    expect(explained.stdout).toContain(`${made.id} (disabled) takes it`);
    expect(explained.stdout).toContain('✓ /filters/0/prefix/subject wants "eu/"; the event has "eu/1"');
    expect((await run(["get", made.id])).stdout).toMatch(/^Disabled: gone$/m);

    status = 204;
    documentOf(await run(["subs", "resume", made.id, "--json"]));
    const [delivery] = (await client.events.get(accepted.event_id)).deliveries;
    const dry = await run(["retry", "--subscription", made.id, "--since", "1h", "--dry-run", "--json"]);
    expect(rowsOf(dry)).toMatchObject([{ id: delivery?.id, status: "dead" }]);
    const retried = await run(["retry", "--subscription", made.id, "--since", "1h"]);
    expect(retried).toMatchObject({ code: 0, stderr: "1 retried, 0 failed\n" });
    await settled(client, accepted.event_id);
    expect((await run(["get", delivery?.id ?? ""])).stdout).toMatch(/^ +2 .* 204 /m);
  });

  test("of many lines is told by its number when it is refused, and the others are published", async () => {
    const { client, run } = await freshBus();
    const lines = Array.from({ length: 500 }, (_, n) =>
      JSON.stringify({ type: "a", source: "/lines", id: `n-${n}`, data: n }),
    );
    lines.splice(1, 0, "", "{", '{"type":"","source":"/","id":"1"}', '{"kind":1}');
    const folder = emptyFolder();
    writeFileSync(join(folder, "events.ndjson"), lines.join("\n"));
    const ran = await run(["publish", "events.ndjson"], { cwd: folder });
    expect(ran).toMatchObject({ code: 1, stdout: "500 accepted, 3 rejected\n" });
    expect(ran.stderr.split("\n").map((line) => line.replace(/^(fantail: line \d+: .{0,25}).*/, "$1"))).toEqual([
      "fantail: line 3: its text:1:2: This is not",
      "fantail: line 5: The event has an unknown ",
      "fantail: line 4: type must not be empty (i",
      "",
    ]);
    const page = () => client.events.list({ source: "/lines", limit: 200 }).page();
    await until("a page is full", async () => (await page()).data.length === 200, { withinMs: HANG_MS });
    const again = await run(["publish", "events.ndjson", "--json", "--from-line", "501"], { cwd: folder });
    expect(rowsOf(again).map(({ line, status }) => [line, status])).toEqual([
      [501, "accepted"],
      [502, "accepted"],
      [503, "accepted"],
      [504, "accepted"],
      [undefined, "done"],
    ]);
  });

  test("without an id is the same event when its lines are published again under the same key", async () => {
    const { run } = await freshBus();
    const args = ["publish", "--ndjson", "-", "--idempotency-key", "k", "--json"];
    const input = '{"type":"a"}\n{"type":"b"}\n';
    const [first, second] = [rowsOf(await run(args, { input })), rowsOf(await run(args, { input }))];
    expect(first.map(({ id }) => id)).toEqual(["k.1", "k.2", undefined]);
    expect(second.map((row) => row.event_id)).toEqual(first.map((row) => row.event_id));
  });

  test("is told in one line when it is not valid", async () => {
    const { run } = await freshBus();
    const { code, stdout, stderr } = await run(["publish", "--type", "a", "--source", "a b"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^fantail: [^\n]*\(invalid-event, req_\w+\)\n$/);
  });
});

describe("keys", { timeout: HANG_MS }, () => {
  test("are made, listed, rotated and revoked; a revoked one is refused in one line", async () => {
    const { run } = await freshBus();
    const made = documentOf<KeyCreated>(
      await run(["keys", "create", "--name", "shop", "--scopes", "read,manage", "--json"]),
    );
    const env = { FANTAIL_KEY: made.key };
    expect((await run(["keys", "list"], { env })).stdout).toMatch(/^key_\w+ +shop +read,manage +– +active/m);
    const rotated = documentOf<KeyRotated>(await run(["keys", "rotate", made.id, "--overlap", "0s", "--json"]));
    expect(rotated.replaces.id).toBe(made.id);
    expect(documentOf(await run(["keys", "revoke", rotated.id, "--yes", "--json"]))).toEqual({
      id: rotated.id,
      revoked: true,
    });
    const ran = await untilRefused(() => run(["subs", "list"], { env: { FANTAIL_KEY: rotated.key } }));
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    expect(ran.stderr).toMatch(
      /^fantail: The key of FANTAIL_KEY is refused: The key is not valid \(unauthorized, req_\w+\)\n$/,
    );
  });

  test("that have expired are refused as that", async () => {
    const { run } = await freshBus();
    const { key } = documentOf<KeyCreated>(
      await run(["keys", "create", "--scopes", "read", "--expires-in", "2s", "--json"]),
    );
    const ran = await untilRefused(() => run(["subs", "list"], { env: { FANTAIL_KEY: key } }));
    expect(ran.stderr).toMatch(
      /^fantail: The key of FANTAIL_KEY is refused: The key has expired \(unauthorized, req_\w+\)\n$/,
    );
  });

  test("without the scope are told so", async () => {
    const { run } = await freshBus();
    const { key } = documentOf<KeyCreated>(await run(["keys", "create", "--scopes", "publish", "--json"]));
    const ran = await run(["subs", "list"], { env: { FANTAIL_KEY: key } });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/^fantail: [^\n]*\(forbidden, req_\w+\)\n$/);
  });
});

test("a filter that does not compile is told in one line", async () => {
  const { run } = await freshBus();
  const ran = await run(["subs", "create", "--sink", "https://a.example", "--filter", '{"sql":"a ="}']);
  expect(ran).toMatchObject({ code: 1, stdout: "" });
  expect(ran.stderr).toMatch(/^fantail: filters\.0\.sql [^\n]* at character \d+ \(invalid-request, req_\w+\)\n$/);
});

test(
  "backtest says what filters would have taken, and what a change gains and loses",
  async () => {
    const { client, run } = await freshBus();
    const { id } = await client.subscriptions.create({ sink: "https://a.example", types: ["a"] });
    await published(client, ["a", "a", "b", "c"]);
    expect(documentOf(await run(["backtest", "--types", "b,c", "--json"]))).toMatchObject({
      examined: 4,
      matched: 2,
      is_part: false,
    });
    const compared = await run(["backtest", id, "--types", "b"]);
    expect(compared.stdout).toContain(
      `4 events looked at\n1 are taken\n1 of them are not taken by ${id}, which takes 2 others\n`,
    );
    expect(documentOf(await run(["backtest", id, "--json"]))).toMatchObject({ matched: 2, gained: 0, lost: 0 });
  },
  HANG_MS,
);
