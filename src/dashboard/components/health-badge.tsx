import type { SinkHealth } from "../../client/index.ts";

export type KnownHealth = Pick<SinkHealth, "breaker" | "lane" | "failures">;

/** How a sink is doing, in a word or two. Null: it is not among those in trouble. */
export function HealthBadge({ health }: { readonly health: KnownHealth | null }) {
  if (health === null || (health.breaker === "closed" && health.lane === "fast" && health.failures === 0))
    return <span class="badge good">healthy</span>;
  const { breaker, lane, failures } = health;
  const failing = failures === 0 ? "" : failures === 1 ? ", 1 failure" : `, ${failures} failures in a row`;
  if (breaker !== "closed") return <span class="badge bad">{`breaker ${breaker}${failing}`}</span>;
  return <span class="badge warn">{lane === "slow" ? `slow lane${failing}` : failing.slice(2)}</span>;
}
