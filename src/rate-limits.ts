/** Adapter: the Rate Limiting binding. One binding per tier, because a binding's figures are fixed in wrangler.toml. */
import type { RateLimits, RateTier } from "./ports.ts";

/** What we use of a binding. */
export type RateLimitBinding = Pick<RateLimit, "limit">;

export function bindingRateLimits(bindings: Readonly<Record<RateTier, RateLimitBinding>>): RateLimits {
  return {
    async take(tier, keyId) {
      const { success } = await bindings[tier].limit({ key: keyId });
      return success;
    },
  };
}
