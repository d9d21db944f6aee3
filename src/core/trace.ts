/**
 * Traces of W3C Trace Context: which headers or attributes are one, and how a publish hands its trace on to its events (CloudEvents
 * Distributed Tracing extension). It adds attributes and never changes one.
 */
import { fitTogether } from "./cloudevents/attributes.ts";
import { fitsEventLimit } from "./cloudevents/json.ts";
import type { CloudEvent } from "./event.ts";
import { TRACESTATE_CHARS_MAX } from "./limits.ts";

export interface Trace {
  readonly traceparent: string;
  readonly tracestate?: string;
}

// W3C Trace Context §3.2.2: later versions may append fields, version 00 may not; ids of zeros and version ff are invalid.
const TRACEPARENT =
  /^(?!ff)(?:00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|(?!00)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]{1,200})?)$/;
const NO_ID = /^..-0{32}-|^..-[0-9a-f]{32}-0{16}-/;
// Without tabs, which a header may have between members and an attribute may not.
const TRACESTATE = new RegExp(`^[ -~]{1,${TRACESTATE_CHARS_MAX}}$`);

/** The trace that the values of headers or attributes say; null without a valid `traceparent`, which is no error (ibid. §4.3). */
export function traceOf(traceparent: unknown, tracestate: unknown): Trace | null {
  if (typeof traceparent !== "string" || !TRACEPARENT.test(traceparent) || NO_ID.test(traceparent)) return null;
  return typeof tracestate === "string" && TRACESTATE.test(tracestate) ? { traceparent, tracestate } : { traceparent };
}

/** The event with that trace, unless it has one of its own or its limits, `bytesMax` as JSON among them, leave no room for it. */
export function withTrace(event: CloudEvent, trace: Trace | null, bytesMax: number): CloudEvent {
  const { attributes } = event;
  if (trace === null || Object.hasOwn(attributes, "traceparent") || Object.hasOwn(attributes, "tracestate"))
    return event;
  // Without a prototype, as the codec makes them: `constructor` is an attribute name like any other.
  const traced: CloudEvent = { ...event, attributes: Object.assign(Object.create(null), attributes, trace) };
  return fitTogether(traced.attributes) && fitsEventLimit(traced, bytesMax) ? traced : event;
}
