/** What the headers of a publish say about it, beside its key and its content type. */
import { HOPS_MAX } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { traceOf, type Trace } from "../core/trace.ts";
import { integerFault, integerOf } from "../core/words.ts";
import { idempotencyKeyOf } from "./conditions.ts";
import { prefersMinimal } from "./prefer.ts";

export interface PublishHeaders {
  /** The id of a short form that has none. */
  readonly idempotencyKey: string | null;
  readonly hops: number;
  /** Of events that have none of their own. */
  readonly trace: Trace | null;
  /** Nothing is to be told of what is accepted, beyond how much it is. */
  readonly minimal: boolean;
}

export function readPublishHeaders(headers: Headers): Result<PublishHeaders, Refusal> {
  const idempotencyKey = idempotencyKeyOf(headers);
  if (!idempotencyKey.ok) return idempotencyKey;
  const hops = hopsOf(headers);
  if (!hops.ok) return hops;
  return ok({
    idempotencyKey: idempotencyKey.value,
    hops: hops.value,
    trace: traceOf(headers.get("traceparent"), headers.get("tracestate")),
    minimal: prefersMinimal(headers.get("prefer")),
  });
}

function hopsOf(headers: Headers): Result<number, Refusal> {
  const text = headers.get("fantail-hops") ?? "0";
  const hops = integerOf(text);
  const fault = integerFault(hops, { min: 0, max: HOPS_MAX });
  if (fault === null) return ok(hops);
  // No circle is so long: what has more digits counts no hops.
  return err(refusal(/^\d{1,9}$/.test(text) ? "too-many-hops" : "invalid-header", `fantail-hops ${fault}`));
}
