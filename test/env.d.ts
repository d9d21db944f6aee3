declare namespace Cloudflare {
  interface Env {
    /** The files of `migrations/`, read in Node for tests inside workerd. */
    readonly TEST_MIGRATIONS: import("cloudflare:test").D1Migration[];
  }
}
