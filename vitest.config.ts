import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-pool-workers";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import { QUIET_ENVIRONMENT } from "./scripts/wrangler.ts";

// Secrets are bound below: that there is no `.dev.vars` is no reason to warn before each file.
Object.assign(process.env, QUIET_ENVIRONMENT, { WRANGLER_LOG: "error" });

/** Only against a hang: how long a test takes on a busy machine says nothing about the code. */
const TIMEOUTS = { testTimeout: 60_000, hookTimeout: 60_000 };

const PRODUCERS = [
  "DELIVERIES_FAST_0",
  "DELIVERIES_FAST_1",
  "DELIVERIES_SLOW_0",
  "DELIVERIES_SLOW_1",
  "DELIVERIES_POISON",
];

/** Another Worker takes all messages and does nothing: limits hold, and the handler under test runs only when a test calls it. */
const DRAINED_QUEUES = {
  queueProducers: Object.fromEntries(PRODUCERS.map((binding) => [binding, { queueName: `drained-${binding}` }])),
  workers: [
    {
      name: "drain",
      modules: true,
      script: "export default { queue() {} }",
      compatibilityDate: "2026-10-01",
      queueConsumers: Object.fromEntries(PRODUCERS.map((binding) => [`drained-${binding}`, { maxBatchTimeout: 0 }])),
    },
  ],
};

/** Tests inside workerd. Every variable is set here, for a `.dev.vars` in the checkout would be read too. */
async function inWorkerd(name: string, include: string[], queues: object): Promise<TestProjectConfiguration> {
  return {
    plugins: [
      cloudflareTest({
        wrangler: { configPath: "./wrangler.toml" },
        miniflare: {
          ...queues,
          bindings: {
            TEST_MIGRATIONS: await readD1Migrations("./migrations"),
            ROOT_KEY: "root-key-for-tests",
            ENCRYPTION_KEY: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            PUBLIC_HOST: "",
            RETENTION_DAYS: "7",
            DATABASE_MB: "10000",
            ALLOW_INSECURE_SINKS: "true",
            DOH_URL: "",
          },
        },
      }),
    ],
    test: {
      name,
      include,
      globalSetup: ["test/sinks.ts", "test/doh.ts"],
      setupFiles: ["test/worker/setup.ts"],
      ...TIMEOUTS,
    },
  };
}

export default defineConfig(async () => ({
  test: {
    // The Worker writes a line per request: those of a test that fails are wanted, the others are not.
    silent: "passed-only" as const,
    projects: [
      {
        // Plain Node: this alone proves that core/ needs no Workers.
        test: {
          name: "core",
          include: ["core", "client", "conformance", "dashboard", "scripts"].map(
            (folder) => `test/${folder}/**/*.test.ts`,
          ),
          ...TIMEOUTS,
        },
      },
      {
        // Also plain Node: the router is another process, and so is the browser.
        test: {
          name: "pages",
          include: ["test/pages/**/*.test.ts"],
          globalSetup: ["test/pages/chromium.ts"],
          ...TIMEOUTS,
        },
      },
      await inWorkerd("worker", ["test/worker/**/*.test.ts"], DRAINED_QUEUES),
      // Messages come back to this Worker's queue handler by themselves, in the isolate of the test.
      await inWorkerd("e2e", ["test/e2e/**/*.test.ts"], {}),
    ],
  },
}));
