// The package as its users get it: installed into a project that has nothing else, compiled there, and run against a real router.
import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeClientPackage, type ClientPackage } from "../../scripts/client-package.ts";
import { launch, startRouter, type Router } from "../../scripts/router.ts";

const CONSUMER = resolve("test/scripts/client-consumer");
const TYPESCRIPT = resolve("node_modules/typescript/bin/tsc");

const directory = mkdtempSync(join(tmpdir(), "fantail-client-"));
const project = join(directory, "project");
let packed: ClientPackage;

const inProject = (command: string, args: readonly string[]): SpawnSyncReturns<string> =>
  spawnSync(command, args, { cwd: project, encoding: "utf8" });

/** The TypeScript blocks of the package's README. */
const snippets = (): string[] =>
  [...readFileSync("src/client/README.md", "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);

beforeAll(async () => {
  mkdirSync(project);
  packed = await makeClientPackage(directory);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  const installed = inProject("npm", ["install", packed.tarball, "--offline", "--no-audit", "--no-fund"]);
  if (installed.status !== 0) throw new Error(installed.stdout + installed.stderr);
  for (const file of readdirSync(CONSUMER)) {
    const text = readFileSync(join(CONSUMER, file), "utf8");
    writeFileSync(join(project, file), text.replaceAll("../../../src/client/index.ts", "@fantail/client"));
  }
  for (const [index, code] of snippets().entries()) writeFileSync(join(project, `readme-${index}.ts`), code);
  // Types of Node, which the project of a user has; the package itself needs none of them.
  for (const name of ["@types/node", "undici-types"])
    cpSync(join("node_modules", name), join(project, "node_modules", name), { recursive: true });
});

afterAll(() => rmSync(directory, { recursive: true }));

test("the package has what it needs, and nothing else", () => {
  const files = readdirSync(packed.folder, { recursive: true, encoding: "utf8" });
  expect(files).toEqual(expect.arrayContaining(["README.md", "LICENSE", "package.json", join("client", "index.d.ts")]));
  const manifest = JSON.parse(readFileSync(join(packed.folder, "package.json"), "utf8"));
  expect(manifest).toMatchObject({
    name: "@fantail/client",
    version: JSON.parse(readFileSync("package.json", "utf8")).version,
    sideEffects: false,
  });
  expect(manifest).not.toHaveProperty("dependencies");
  const imports = files
    .filter((name) => /\.(js|d\.ts)$/.test(name))
    .flatMap((name) => [...readFileSync(join(packed.folder, name), "utf8").matchAll(/^(?:im|ex)port .*from "(.*)"/gm)])
    .map(([, specifier = ""]) => specifier);
  expect(imports.length).toBeGreaterThan(20);
  expect(imports.filter((specifier) => !/^\.\.?\/.+\.js$/.test(specifier))).toEqual([]);
});

/** Every library of types is checked too. */
const CHECKS = [
  "--noEmit",
  "--strict",
  "--skipLibCheck",
  "false",
  "--target",
  "ES2022",
  "--exactOptionalPropertyTypes",
];
const BUNDLER = ["--module", "ESNext", "--moduleResolution", "bundler"];
const NODENEXT = ["--module", "nodenext", "--moduleResolution", "nodenext"];
const OF_NODE = ["--lib", "ES2023", "--types", "node"];
const OF_BROWSERS = ["--lib", "ES2022,DOM,DOM.Iterable", "--types", ""];

test.each([
  ["bundler, types of Node", [...BUNDLER, ...OF_NODE], "types.ts"],
  ["nodenext, types of Node", [...NODENEXT, ...OF_NODE], "types.ts"],
  ["bundler, types of browsers", [...BUNDLER, ...OF_BROWSERS], "types.ts"],
  ["nodenext, types of browsers", [...NODENEXT, ...OF_BROWSERS], "types.ts"],
])("it compiles where it is used, and what is wrong does not: %s", (_, resolution, file) => {
  const { status, stdout } = inProject(process.execPath, [TYPESCRIPT, ...CHECKS, ...resolution, file]);
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

test("every snippet of its README compiles", () => {
  const files = snippets().map((_, index) => `readme-${index}.ts`);
  expect(files.length).toBeGreaterThan(5);
  // Each is a file of its own: what one needs it imports.
  const checks = [...CHECKS, ...NODENEXT, "--lib", "ES2023", "--types", "node", "--moduleDetection", "force"];
  const { status, stdout } = inProject(process.execPath, [TYPESCRIPT, ...checks, ...files]);
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

describe("against a router", () => {
  let router: Router & { readonly rootKey: string };

  beforeAll(async () => {
    router = await startRouter({ persistTo: join(directory, "router"), quiet: true });
  });
  afterAll(() => router.stop());

  const told = (bus: string) => ({
    bus,
    accepted: true,
    matched: 1,
    many: ["accepted", "rejected", "accepted"],
    refusal: expect.stringMatching(/^ProblemError: .+ \(invalid-event, 422, req_…\)$/),
    streamed: ["accepted"],
    lines: ["accepted", "rejected", "accepted"],
    webhook: { isDelivery: true, attempt: 1, payload: expect.objectContaining({ id: "A-1", data: { total: 120.1 } }) },
    recorded: { total: 120.1 },
    types: expect.toSatisfy((types: string[]) => types.length === 6 && types.at(-1) === "order.created"),
    paused: "paused",
    stale: "version-mismatch",
    replaces: true,
    audited: expect.arrayContaining([
      "key.rotated",
      "subscription.deleted",
      "subscription.changed",
      "subscription.created",
      "key.created",
    ]),
  });

  test("Node publishes, is called, verifies, and looks after it", () => {
    const place = JSON.stringify({ url: router.url, rootKey: router.rootKey, bus: "node" });
    const { stdout, stderr } = inProject(process.execPath, ["node.ts", place]);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual(told("node"));
  });

  test("so does workerd", async () => {
    const config = join(project, "wrangler.toml");
    writeFileSync(config, 'name = "consumer"\nmain = "worker.ts"\ncompatibility_date = "2026-10-01"\n');
    const worker = await launch({
      persistTo: join(directory, "worker"),
      quiet: true,
      args: ["--config", config],
    });
    try {
      const place = { url: router.url, rootKey: router.rootKey, bus: "workerd", sink: `${worker.url}/hooks` };
      const response = await fetch(`${worker.url}/run`, { method: "POST", body: JSON.stringify(place) });
      const text = await response.text();
      expect(response.status, text + worker.log()).toBe(200);
      expect(JSON.parse(text)).toEqual(told("workerd"));
    } finally {
      await worker.stop();
    }
  });
});
