/** All SQL of remembered requests. Seeds and answers are sealed: an answer may hold a key that is shown once. */
import { decodeBase64, encodeBase64 } from "../core/base64.ts";
import { IDEMPOTENCY_KEPT_MS } from "../core/limits.ts";
import { VAULT_IV_BYTES, type Vault } from "../core/vault.ts";
import type { IdempotencyPlace, IdempotencyStore, IdempotentAnswer, Random } from "../ports.ts";
import { rowsOf } from "./rows.ts";
import { weather } from "./unavailable.ts";

interface IdempotencyRow {
  readonly fingerprint: string;
  readonly began_ms: number;
  /** Sealed base64. */
  readonly seed: string;
  /** Sealed JSON text of IdempotentAnswer. */
  readonly answer: string | null;
}

/** Where a sealed column belongs. Neither bus nor actor has a slash, so that no two places share one. */
const context = ({ bus, actor, key }: IdempotencyPlace, column: "seed" | "answer"): string =>
  `idempotency/${bus}/${actor}/${key}/${column}`;

/** A request that is too old gives its place to the new one. Primary key. */
const BEGIN = `
  INSERT INTO idempotency (bus, actor, key, fingerprint, began_ms, seed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
  ON CONFLICT DO UPDATE SET fingerprint = excluded.fingerprint, began_ms = excluded.began_ms, seed = excluded.seed, answer = NULL
    WHERE began_ms <= excluded.began_ms - ?7`;

/** Primary key. */
const READ = "SELECT fingerprint, began_ms, seed, answer FROM idempotency WHERE bus = ?1 AND actor = ?2 AND key = ?3";

/** Primary key. */
const FINISH = `
  INSERT INTO idempotency (bus, actor, key, fingerprint, began_ms, seed, answer) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
  ON CONFLICT DO UPDATE SET answer = excluded.answer
    WHERE answer IS NULL AND fingerprint = excluded.fingerprint AND began_ms = excluded.began_ms`;

/** Primary key. */
const FORGET = `
  DELETE FROM idempotency WHERE bus = ?1 AND actor = ?2 AND key = ?3 AND fingerprint = ?4 AND answer IS NULL`;

/** The store over D1. All methods @throw Unavailable. */
export function d1Idempotency(deps: {
  readonly db: D1Database;
  readonly vault: Vault;
  readonly random: Random;
}): IdempotencyStore {
  const { db, vault, random } = deps;

  const seal = (plain: string, place: IdempotencyPlace, column: "seed" | "answer"): Promise<string> =>
    vault.seal(plain, { iv: random.bytes(VAULT_IV_BYTES), context: context(place, column) });

  /** @throws Error when its encryption key is gone: to make a second thing would be worse. */
  async function toSeed(row: IdempotencyRow, place: IdempotencyPlace): Promise<Uint8Array<ArrayBuffer>> {
    const seed = decodeBase64(await vault.open(row.seed, context(place, "seed")));
    if (seed === null) throw new Error("The seed of a remembered request is not base64");
    return seed;
  }

  async function toAnswer(row: IdempotencyRow, place: IdempotencyPlace): Promise<IdempotentAnswer | null> {
    if (row.answer === null) return null;
    const answer: IdempotentAnswer = JSON.parse(await vault.open(row.answer, context(place, "answer")));
    return answer;
  }

  return {
    async begin(place, { fingerprint, beganMs, seed }) {
      const { bus, actor, key } = place;
      const sealed = await seal(encodeBase64(seed), place, "seed");
      const [, read] = await weather(() =>
        db.batch([
          db.prepare(BEGIN).bind(bus, actor, key, fingerprint, beganMs, sealed, IDEMPOTENCY_KEPT_MS),
          db.prepare(READ).bind(bus, actor, key),
        ]),
      );
      const [row] = rowsOf<IdempotencyRow>(read);
      if (row === undefined) throw new Error("A remembered request is gone in the batch that stored it");
      return {
        fingerprint: row.fingerprint,
        beganMs: row.began_ms,
        seed: await toSeed(row, place),
        answer: await toAnswer(row, place),
      };
    },

    async finish(place, { fingerprint, beganMs, seed }, answer) {
      const { bus, actor, key } = place;
      const sealed = [
        await seal(encodeBase64(seed), place, "seed"),
        await seal(JSON.stringify(answer), place, "answer"),
      ];
      const finish = db.prepare(FINISH).bind(bus, actor, key, fingerprint, beganMs, ...sealed);
      await weather(() => finish.run());
    },

    async forget({ bus, actor, key }, fingerprint) {
      await weather(() => db.prepare(FORGET).bind(bus, actor, key, fingerprint).run());
    },
  };
}
