// The guide: each command of it, as it is typed, against a real router on this machine.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { emptyFolder } from "./command.ts";
import { HANG_MS, settled, startSink, startWorld } from "./world.ts";

const { freshBus } = startWorld();

/** What stands in the guide's blocks of that kind. */
function blocks(kind: string): readonly string[] {
  const guide = readFileSync("docs/cli.md", "utf8");
  return [...guide.matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\`$`, "gms"))].map(([, text = ""]) => text);
}

/** The files that its commands name. */
function writeFiles(folder: string, bus: string): void {
  const [state = "", tests = ""] = blocks("yaml");
  const files = {
    "fantail.yaml": state.replace("  default:", `  ${bus}:`),
    "fantail.test.yaml": tests,
    "order.json": "{}",
    "event.json": '{"type":"a"}',
    "events.ndjson": '{"type":"a"}\n{"type":"b"}\n',
    "rule.json": '{"source":["a"]}',
    "policy.json": '{"store":["a"]}',
    "filter.json": '{"includedEventTypes":["a"]}',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

/** What a shell makes of the words behind `fantail`. */
function argumentsOf(line: string): readonly string[] {
  const script = `fantail() { for one in "$@"; do printf '%s\\0' "$one"; done; }\n${line}`;
  return spawnSync("sh", ["-c", script], { encoding: "utf8" }).stdout.split("\0").slice(0, -1);
}

test(
  "what the guide shows works as it is typed",
  async () => {
    const { bus, client, run } = await freshBus();
    const { id: sub } = await client.subscriptions.create({ sink: await startSink(() => 410) });
    const { event_id: evt } = await client.publish({ type: "order.created" });
    await settled(client, evt);
    const [delivery] = (await client.events.get(evt)).deliveries;
    const cwd = emptyFolder();
    writeFiles(cwd, bus);
    const lines = blocks("sh").flatMap((text) => text.trim().split("\n"));
    // What goes on for ever, or asks, has tests of its own; what is exported is said below.
    const typed = lines.filter((line) => !/^(export|fantail (listen|tail|login)) /.test(line));
    expect(typed.length).toBeGreaterThan(25);
    for (const line of typed) {
      // One that a line may delete.
      const spare = (await client.subscriptions.create({ sink: "https://a.example" })).id;
      const key = (await client.keys.create({ scopes: ["read"] })).id;
      const ids: Record<string, string> = {
        evt,
        dlv: delivery?.id ?? "",
        key,
        sub: line.includes("delete") ? spare : sub,
      };
      const whole = line.replaceAll(/\b(evt|dlv|sub|key)_…/g, (_, kind: string) => ids[kind] ?? "");
      const { code, stderr } = await run(argumentsOf(whole), { cwd, env: { BILLING_TOKEN: "t0p" } });
      expect({ line, code, stderr: code === 0 ? "" : stderr }).toEqual({ line, code: 0, stderr: "" });
    }
  },
  HANG_MS,
);
