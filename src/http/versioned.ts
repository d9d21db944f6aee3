/** What the document of anything that has a version ends with, as `contract/parts.ts` describes it. */
import { EFFECTIVE_MS } from "../core/limits.ts";
import { timestamp } from "../core/timestamp.ts";

interface Versioned {
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly version: number;
}

/** `committedMs` is when the last change of it was stored. */
export const versioned = ({ createdMs, updatedMs, version }: Versioned, committedMs: number) => ({
  created_at: timestamp(createdMs),
  updated_at: timestamp(updatedMs),
  version,
  effective_at: timestamp(committedMs + EFFECTIVE_MS),
});
