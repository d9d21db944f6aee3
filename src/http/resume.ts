/** From where a subscription goes on that is made active again: what of the backlog that it holds is skipped. */
import { RESUME_AHEAD_MS } from "../core/limits.ts";
import type { Fault } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { parseTimestamp } from "../core/timestamp.ts";
import { faultAt } from "../core/words.ts";
import { resumeBody } from "./contract/subscriptions.ts";
import { check } from "./schema.ts";

export interface Resumption {
  /** The member `resume_from` as it was asked for; null without one. */
  readonly asked: string | null;
  /** What is held of events accepted before it is skipped; 0: nothing. */
  readonly fromMs: number;
}

const fault = (words: string) => err([faultAt("/resume_from", words)]);

/** What `resume_from` of a patch asks for. It says something only of a patch that makes the subscription active, which it was not. */
export function readResumption(
  given: unknown,
  { isActive, isActivated, now }: { readonly isActive: boolean; readonly isActivated: boolean; readonly now: number },
): Result<Resumption, readonly Fault[]> {
  const checked = check(resumeBody, { resume_from: given });
  if (!checked.ok) return checked;
  const asked = checked.value.resume_from ?? null;
  if (asked === null) return ok({ asked, fromMs: 0 });
  if (isActive) return fault("must be absent, because the subscription is active already");
  if (!isActivated) return fault("must be absent unless status is set to active");
  if (asked === "last") return ok({ asked, fromMs: 0 });
  const fromMs = asked === "latest" ? now : Math.max(0, parseTimestamp(asked) ?? 0);
  if (fromMs > now + RESUME_AHEAD_MS) return fault("must not be in the future");
  return ok({ asked, fromMs: Math.min(fromMs, now) });
}
