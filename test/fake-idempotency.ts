/** Remembered requests in memory. */
import { IDEMPOTENCY_KEPT_MS } from "../src/core/limits.ts";
import type { IdempotencyPlace, IdempotencyStore, Remembered } from "../src/ports.ts";

/** Remembers requests as D1 does. */
export function fakeIdempotency(): IdempotencyStore & { readonly remembered: Map<string, Remembered> } {
  const remembered = new Map<string, Remembered>();
  const at = ({ bus, actor, key }: IdempotencyPlace): string => [bus, actor, key].join(" ");
  return {
    remembered,
    async begin(place, fresh) {
      const known = remembered.get(at(place));
      if (known !== undefined && known.beganMs > fresh.beganMs - IDEMPOTENCY_KEPT_MS) return known;
      const begun = { ...fresh, answer: null };
      remembered.set(at(place), begun);
      return begun;
    },
    async finish(place, request, answer) {
      const known = remembered.get(at(place)) ?? { ...request, answer: null };
      const isSame = known.fingerprint === request.fingerprint && known.beganMs === request.beganMs;
      remembered.set(at(place), isSame && known.answer === null ? { ...known, answer } : known);
    },
    async forget(place, fingerprint) {
      const known = remembered.get(at(place));
      if (known?.fingerprint === fingerprint && known.answer === null) remembered.delete(at(place));
    },
  };
}
