/** The trace of a publish, handed on to its events (CloudEvents Distributed Tracing extension). Adds attributes, never changes one. */
import type { CloudEvent } from "../core/event.ts";
import { ATTRIBUTES_MAX, TRACESTATE_CHARS_MAX } from "../core/limits.ts";

export interface Trace {
  readonly traceparent: string;
  readonly tracestate?: string;
}

// W3C Trace Context §3.2.2: later versions may append fields, version 00 may not; ids of zeros and version ff are invalid.
const TRACEPARENT =
  /^(?!ff)(?:00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|(?!00)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]{1,200})?)$/;
const NO_ID = /^..-0{32}-|^..-[0-9a-f]{32}-0{16}-/;
const TRACESTATE = new RegExp(`^[\\t -~]{1,${TRACESTATE_CHARS_MAX}}$`);

/** The trace that the headers of a request carry; null without a valid one, which is not an error (ibid. §4.3). */
export function traceOf(headers: Headers): Trace | null {
  const traceparent = headers.get("traceparent") ?? "";
  const tracestate = headers.get("tracestate") ?? "";
  if (!TRACEPARENT.test(traceparent) || NO_ID.test(traceparent)) return null;
  return TRACESTATE.test(tracestate) ? { traceparent, tracestate } : { traceparent };
}

/** The event with that trace, unless it has one of its own or no room for it. */
export function withTrace(event: CloudEvent, trace: Trace | null): CloudEvent {
  const { attributes } = event;
  if (trace === null || Object.hasOwn(attributes, "traceparent") || Object.hasOwn(attributes, "tracestate"))
    return event;
  // Without a prototype, as the codec makes them: `constructor` is an attribute name like any other.
  const traced: CloudEvent["attributes"] = Object.assign(Object.create(null), attributes, trace);
  return Object.keys(traced).length > ATTRIBUTES_MAX ? event : { ...event, attributes: traced };
}
