import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

// A tree of the project's shape in which nothing is wrong, except what a row below plants. It is linted once, with the
// project's own configuration, so a fence that does not hold shows up as a row that was not reported.

const IMPORTS = "no-restricted-imports";
const GLOBALS = "no-restricted-globals";
const PROPERTIES = "no-restricted-properties";

/** What each planted file imports, per rule that must report it. */
const FORBIDDEN_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  "src/core/planted.ts": ["../ports.ts", "../d1/log.ts", "hono", "node:fs", "@octokit/webhooks-examples"],
  "src/core/cloudevents/planted.ts": ["../../ports.ts", "../../config.ts", "zod", "cloudflare:workers"],
  "src/ports.ts": ["./ingest.ts", "./d1/log.ts", "./config.ts", "hono"],
  "src/ingest.ts": ["./d1/log.ts", "./http/app.ts", "./queues.ts", "./webhook.ts", "./wire.ts", "./config.ts", "hono"],
  "src/deliver.ts": [
    "./resolver.ts",
    "./routes.ts",
    "./cached-bus.ts",
    "./rate-limits.ts",
    "./limiter.ts",
    "./log.ts",
    "./index.ts",
  ],
  "src/sweep.ts": ["./d1/log.ts", "zod"],
  "src/not-yet-known.ts": ["./d1/log.ts", "./wire.ts", "zod"],
  "src/queues.ts": ["./ingest.ts", "./d1/log.ts", "./http/app.ts", "./wire.ts", "./config.ts", "hono"],
  "src/rate-limits.ts": ["./ingest.ts", "./queues.ts", "./limiter.ts", "./config.ts", "cloudflare:workers", "hono"],
  "src/limiter.ts": ["./deliver.ts", "./d1/log.ts", "./rate-limits.ts", "./wire.ts", "./config.ts", "node:fs", "hono"],
  "src/resolver.ts": ["./ingest.ts", "./pushing.ts", "./webhook.ts", "./config.ts", "zod"],
  "src/webhook.ts": [
    "./deliver.ts",
    "./resolver.ts",
    "./first-attempts.ts",
    "./pushing.ts",
    "./settling.ts",
    "./sweep.ts",
    "./queues.ts",
    "zod",
  ],
  "src/routes.ts": ["./d1/log.ts", "./wire.ts", "./config.ts"],
  "src/log.ts": ["./d1/log.ts", "./ingest.ts"],
  "src/config.ts": ["./wire.ts", "./d1/log.ts", "zod"],
  "src/wire.ts": ["./index.ts", "hono"],
  "src/index.ts": [
    "./d1/log.ts",
    "./http/app.ts",
    "./ingest.ts",
    "./queues.ts",
    "./webhook.ts",
    "./routes.ts",
    "./cached-bus.ts",
    "hono",
  ],
  "src/d1/planted.ts": ["../http/app.ts", "../wire.ts", "../config.ts", "../ingest.ts", "../queues.ts", "hono", "zod"],
  "src/http/planted.ts": [
    "../d1/log.ts",
    "../queues.ts",
    "../resolver.ts",
    "../webhook.ts",
    "../routes.ts",
    "../cached-bus.ts",
    "../rate-limits.ts",
    "../limiter.ts",
    "../wire.ts",
    "../config.ts",
    "../log.ts",
    "../dashboard/paths.ts",
    "zod-openapi",
    "cloudevents",
    "node:fs",
    "@octokit/webhooks-examples",
  ],
  "src/http/contract/planted.ts": [
    "../app.ts",
    "../schema.ts",
    "../../d1/log.ts",
    "../../config.ts",
    "../../wire.ts",
    "../../ingest.ts",
    "../../version.ts",
    "hono",
    "zone",
    "node:fs",
    "@octokit/webhooks-examples",
  ],
  "src/client/planted.ts": ["../ports.ts", "../ingest.ts", "../http/app.ts", "../config.ts", "../cli/main.ts", "zod"],
  "src/cli/planted.ts": ["../ports.ts", "../ingest.ts", "../http/app.ts", "../config.ts", "zod", "yup"],
  "src/cli/commands/planted.ts": ["../../ports.ts", "../../d1/log.ts", "../../http/app.ts", "../../config.ts", "hono"],
  "src/dashboard/planted.tsx": [
    "../http/app.ts",
    "../cli/main.ts",
    "../config.ts",
    "../cached-bus.ts",
    "zod",
    "node:fs",
  ],
  "src/dashboard/shell/planted.tsx": [
    "../../http/app.ts",
    "../../d1/log.ts",
    "../../cli/main.ts",
    "../../ports.ts",
    "hono",
  ],
  "src/dashboard/pages/events/planted.tsx": [
    "../../../http/app.ts",
    "../../../d1/log.ts",
    "../../../cli/main.ts",
    "../../../ports.ts",
    "../../../config.ts",
    "cloudevents",
    "cloudflare:workers",
    "playwright-core",
    "vite",
    "yaml",
    "@octokit/webhooks-examples",
    "@cloudflare/workers-types",
  ],
};

const ALLOWED_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  "src/core/cloudevents/allowed.ts": ["../result.ts", "./decode.ts"],
  "src/core/allowed.ts": ["./result.ts", "./cloudevents/decode.ts"],
  "src/allowed.ts": ["./core/result.ts", "./ports.ts", "./version.ts"],
  "src/d1/allowed.ts": ["../core/result.ts", "../core/cloudevents/decode.ts", "../ports.ts", "./log.ts"],
  "src/http/allowed.ts": [
    "../core/result.ts",
    "../ports.ts",
    "../version.ts",
    "./app.ts",
    "hono",
    "hono/factory",
    "zod",
  ],
  "src/http/contract/allowed.ts": [
    "../../core/result.ts",
    "../../core/cloudevents/decode.ts",
    "../../ports.ts",
    "./parts.ts",
    "zod",
    "zod-openapi",
  ],
  "src/client/allowed.ts": ["../core/result.ts", "./index.ts"],
  "src/cli/allowed.ts": [
    "../client/index.ts",
    "../core/result.ts",
    "../version.ts",
    "node:fs",
    "yaml",
    "yargs/helpers",
  ],
  "src/cli/commands/allowed.ts": ["../../client/index.ts", "../../core/result.ts", "../shell.ts", "node:fs", "yargs"],
  "src/dashboard/allowed.tsx": [
    "../client/index.ts",
    "../core/result.ts",
    "./shell/allowed.tsx",
    "preact",
    "preact-iso",
  ],
  "src/dashboard/shell/allowed.tsx": ["../../client/index.ts", "../../core/result.ts", "../paths.ts", "preact/hooks"],
  "src/dashboard/pages/events/allowed.tsx": [
    "../../../client/index.ts",
    "../../../core/result.ts",
    "../../session/session.tsx",
    "../../data/use-load.ts",
    "preact",
    "uplot",
    "codemirror",
    "@codemirror/state",
  ],
};

/** Code that one rule must report in one file. */
const PLANTED_CODE: readonly { readonly path: string; readonly code: string; readonly rule: string }[] = [
  { path: "src/core/clock.ts", code: "export const now = () => Date.now();", rule: PROPERTIES },
  { path: "src/core/chance.ts", code: "export const chance = () => Math.random();", rule: PROPERTIES },
  { path: "src/core/uuid.ts", code: "export const id = () => crypto.randomUUID();", rule: PROPERTIES },
  {
    path: "src/core/bytes.ts",
    code: "export const bytes = () => crypto.getRandomValues(new Uint8Array(8));",
    rule: PROPERTIES,
  },
  { path: "src/core/call.ts", code: 'export const call = () => fetch("https://example.com");', rule: GLOBALS },
  { path: "src/core/timer.ts", code: "export const wait = (then: () => void) => setTimeout(then, 1);", rule: GLOBALS },
  { path: "src/core/said.ts", code: 'export const say = () => console.info("x");', rule: "no-console" },
  { path: "src/client/clock.ts", code: "export const now = () => Date.now();", rule: PROPERTIES },
  { path: "src/cli/clock.ts", code: "export const now = () => Date.now();", rule: PROPERTIES },
  { path: "src/cli/said.ts", code: 'export const say = () => console.info("x");', rule: "no-console" },
  { path: "src/client/said.ts", code: 'export const say = () => console.info("x");', rule: "no-console" },
  { path: "src/d1/clock.ts", code: "export const now = () => Date.now();", rule: PROPERTIES },
  { path: "src/http/call.ts", code: 'export const call = () => fetch("https://example.com");', rule: GLOBALS },
  {
    path: "src/dashboard/pages/call.tsx",
    code: 'export const call = () => fetch("https://example.com");',
    rule: GLOBALS,
  },
  { path: "src/dashboard/said.tsx", code: 'export const say = () => console.info("x");', rule: "no-console" },
  { path: "src/calling.ts", code: 'export const call = () => fetch("https://example.com");', rule: GLOBALS },
  { path: "src/said.ts", code: 'export const say = () => console.log("x");', rule: "no-console" },
  { path: "src/default.ts", code: "export default 1;", rule: "no-default-export" },
  { path: "src/any.ts", code: "export const loose = (value: any) => String(value);", rule: "no-explicit-any" },
  {
    path: "src/assertion.ts",
    code: "export const first = (list: string[]) => list[0]!;",
    rule: "no-non-null-assertion",
  },
  {
    path: "src/floating.ts",
    code: "const work = async () => {};\nexport const start = () => {\n  work();\n};",
    rule: "no-floating-promises",
  },
  {
    path: "src/switch.ts",
    code: 'export function f(kind: "a" | "b"): void {\n  switch (kind) {\n    case "a":\n      return;\n  }\n}',
    rule: "switch-exhaustiveness-check",
  },
  {
    path: "src/cast.ts",
    code: "export const cast = (value: unknown) => value as { a: 1 };",
    rule: "no-unsafe-type-assertion",
  },
  { path: "src/here.ts", code: 'import { b } from "./there.ts";\nexport const a = () => b;', rule: "no-cycle" },
  { path: "src/there.ts", code: 'import { a } from "./here.ts";\nexport const b = () => a;', rule: "no-cycle" },
  { path: "src/d1/here.ts", code: 'import type { B } from "./there.ts";\nexport type A = B | 1;', rule: "no-cycle" },
  { path: "src/d1/there.ts", code: 'import type { A } from "./here.ts";\nexport type B = A[];', rule: "no-cycle" },
];

/** Code that only its one place may have. */
const ALLOWED_CODE: readonly { readonly path: string; readonly code: string }[] = [
  { path: "src/log.ts", code: "console.info(1);" },
  { path: "src/webhook.ts", code: 'export const call = () => fetch("https://example.com");' },
  { path: "src/resolver.ts", code: 'export const call = () => fetch("https://example.com");' },
  {
    path: "src/wire.ts",
    code: "export const doors = { now: () => Date.now(), fraction: () => Math.random(), fetch };",
  },
  {
    path: "src/client/runtime.ts",
    code: "export const runtime = { now: () => Date.now(), fraction: () => Math.random(), fetch };",
  },
  { path: "src/dashboard/session/client.ts", code: 'export const call = () => fetch("/v1/session");' },
  { path: "src/dashboard/data/clock.ts", code: "export const now = () => Date.now();" },
  { path: "src/index.ts", code: "export default {};" },
  { path: "src/core/subtle.ts", code: 'export const hash = (b: Uint8Array) => crypto.subtle.digest("SHA-256", b);' },
  { path: "scripts/said.ts", code: 'console.log("x");' },
];

interface Finding {
  readonly path: string;
  readonly rule: string;
  readonly line: number;
}

let findings: readonly Finding[] = [];
const tree = mkdtempSync(join(tmpdir(), "fantail-fences-"));

beforeAll(() => {
  const lines = new Map<string, string[]>();
  const add = (path: string, text: string) => {
    const before = lines.get(path) ?? [];
    lines.set(path, [...before, ...text.split("\n")]);
  };
  const imports = [...Object.entries(FORBIDDEN_IMPORTS), ...Object.entries(ALLOWED_IMPORTS)];
  for (const [path, specifiers] of imports)
    specifiers.forEach((one, index) => add(path, `export type * as n${index} from "${one}";`));
  for (const { path, code } of [...PLANTED_CODE, ...ALLOWED_CODE]) add(path, code);
  for (const [path, text] of lines) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), `${text.join("\n")}\n`);
  }
  for (const name of [".oxlintrc.json", "tsconfig.json", "src/dashboard/tsconfig.json"]) cpSync(name, join(tree, name));
  symlinkSync(join(process.cwd(), "node_modules"), join(tree, "node_modules"));
  writeFileSync(join(tree, ".gitignore"), "node_modules\n");
  findings = lint();
});

afterAll(() => rmSync(tree, { recursive: true }));

function lint(): Finding[] {
  const { stdout, stderr } = spawnSync("node_modules/.bin/oxlint", ["--format=json"], { cwd: tree, encoding: "utf8" });
  const report: unknown = JSON.parse(stdout.slice(stdout.indexOf("{")) || `"${stderr}"`);
  const { diagnostics } = report as {
    diagnostics: { code: string; filename: string; labels: { span: { line: number } }[] }[];
  };
  return diagnostics.map(({ code, filename, labels }) => ({
    path: filename,
    rule: code.replace(/^.*\(|\)$/g, ""),
    line: labels[0]?.span.line ?? 0,
  }));
}

for (const [path, specifiers] of Object.entries(FORBIDDEN_IMPORTS)) {
  test.each(specifiers.map((specifier, index) => ({ specifier, line: index + 1 })))(
    `oxlint refuses that ${path} imports $specifier`,
    ({ line }) => {
      expect(findings).toContainEqual({ path, rule: IMPORTS, line });
    },
  );
}

test.each(PLANTED_CODE)("oxlint reports $rule in $path", ({ path, rule }) => {
  expect(findings.filter((finding) => finding.path === path).map((finding) => finding.rule)).toContain(rule);
});

test("oxlint reports nothing beyond what was planted", () => {
  const planted = new Set([...Object.keys(FORBIDDEN_IMPORTS), ...PLANTED_CODE.map(({ path }) => path)]);
  const rules = new Set([IMPORTS, ...PLANTED_CODE.map(({ rule }) => rule)]);
  expect(findings.filter(({ path }) => !planted.has(path))).toEqual([]);
  expect(findings.filter(({ rule }) => !rules.has(rule))).toEqual([]);
});
