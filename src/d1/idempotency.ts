/** All SQL of remembered requests. Seeds and answers are sealed: an answer may hold a key that is shown once. */
import type { Vault } from "../core/vault.ts";
import type { IdempotencyStore, Random } from "../ports.ts";

/** The store over D1. All methods @throw Unavailable. */
export function d1Idempotency(_deps: {
  readonly db: D1Database;
  readonly vault: Vault;
  readonly random: Random;
}): IdempotencyStore {
  const unwritten = async (): Promise<never> => {
    throw new Error("Not written");
  };
  return { begin: unwritten, finish: unwritten, forget: unwritten };
}
