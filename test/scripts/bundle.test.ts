import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { COMPILE_CACHE } from "./stubbed.ts";

test("deploy --dry-run bundles the Worker with the real wrangler", () => {
  const directory = mkdtempSync(join(tmpdir(), "fantail-dry-run-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const args = ["scripts/deploy.ts", "--dry-run", "--outdir", directory];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE, WRANGLER_LOG: "log" },
  });
  expect(stderr).toBe("");
  expect(stdout).toContain("--dry-run: exiting now.");
  expect(readdirSync(directory)).toContain("index.js");
  expect(status).toBe(0);
});
