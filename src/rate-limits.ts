/** Adapter: the Rate Limiting binding. One binding per tier, because a binding's figures are fixed in wrangler.toml. */
import type { Logger, RateLimits, RateTier } from "./ports.ts";

/** What we use of a binding. */
export type RateLimitBinding = Pick<RateLimit, "limit">;

/** What the bindings count. While one does not answer everything passes: a limit that fails must not be an outage. */
export function bindingRateLimits(deps: {
  readonly bindings: Readonly<Record<RateTier, RateLimitBinding>>;
  readonly logger: Logger;
}): RateLimits {
  const { bindings, logger } = deps;
  return {
    async take(tier, keyId) {
      try {
        const { success } = await bindings[tier].limit({ key: keyId });
        return success;
      } catch (error) {
        logger.warn("rate_limit.failed", { tier, key_id: keyId, error: String(error) });
        return true;
      }
    },
  };
}
