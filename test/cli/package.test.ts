// The package as its users get it: installed into a folder that has nothing else, without a network, and run there.
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeCliPackage } from "../../scripts/cli-package.ts";
import { VERSION } from "../../src/version.ts";
import { fakeFantail, json } from "../client/fake-fantail.ts";
import { running } from "./command.ts";

const directory = mkdtempSync(join(tmpdir(), "fantail-cli-package-"));
const project = join(directory, "project");
const command = join(project, "node_modules/.bin/fantail");

const inProject = (name: string, args: readonly string[]): SpawnSyncReturns<string> =>
  spawnSync(name, args, { cwd: project, encoding: "utf8" });

beforeAll(async () => {
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{"private":true}');
  const { tarball } = await makeCliPackage(directory);
  const installed = inProject("npm", ["install", tarball, "--offline", "--no-audit", "--no-fund"]);
  if (installed.status !== 0) throw new Error(installed.stdout + installed.stderr);
});

afterAll(() => rmSync(directory, { recursive: true }));

test("it brings nothing but itself", () => {
  const { stdout } = inProject("npm", ["ls", "--all", "--parseable"]);
  expect(stdout.trim().split("\n")).toEqual([project, join(project, "node_modules/@fantail/cli")]);
});

test("the command says its version and its help", () => {
  expect(inProject(command, ["--version"])).toMatchObject({ status: 0, stdout: `${VERSION}\n`, stderr: "" });
  expect(inProject(command, ["listen", "--help"]).stdout).toContain("fantail listen --forward-to localhost:3000/hooks");
});

test("it tests filters offline", () => {
  writeFileSync(
    join(project, "fantail.yaml"),
    "subscriptions: { a: { sink: https://a.example, filters: [{ sql: \"type LIKE 'x%'\" }] } }\n",
  );
  writeFileSync(join(project, "fantail.test.yaml"), "- { name: x, event: { type: xy }, expect: [a] }\n");
  expect(inProject(command, ["test"])).toMatchObject({ status: 0, stdout: "✓ x\n1 passed, 0 failed\n" });
});

test("it reaches a router", async () => {
  const { url, next, requests } = await fakeFantail();
  next(json(200, { id: "key_1", scopes: ["read"] }));
  const ran = await running([command, "get", "key_1", "--json"], { env: { FANTAIL_URL: url, FANTAIL_KEY: "k" } }).ended;
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(requests[0]?.headers["user-agent"]).toBe(`fantail-cli/${VERSION}`);
});

test("it tells the licences of what is bundled, and its guide leads nowhere", () => {
  const text = (name: string) => readFileSync(join(project, "node_modules/@fantail/cli", name), "utf8");
  for (const name of ["yaml", "yargs", "yargs-parser"])
    expect(text("THIRD-PARTY.md")).toMatch(new RegExp(`^## ${name} \\d`, "m"));
  expect(text("README.md")).not.toMatch(/\]\([^)#]/);
});
