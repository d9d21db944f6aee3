/** An event as a person types it. Pure, but for the clock and the chance that are passed in. */
import type { StructuredEvent } from "../../../client/event.ts";
import { decodeRequest } from "../../../core/cloudevents/request.ts";
import type { Fault } from "../../../core/problem.ts";
import { err, ok, type Result } from "../../../core/result.ts";
import type { Mistake } from "../../editor/mistake.ts";

interface Given {
  readonly bus: string;
  /** The id of an event that has none. */
  readonly freshId: string;
  /** Unix milliseconds: the time of an event that has none. */
  readonly now: number;
}

/** The event of the text, complete; or what is wrong with it, in one line: what the router would say. */
export function readEvent(text: string, given: Given): Result<StructuredEvent, string> {
  const decoded = decodeRequest({
    contentType: "application/json",
    headers: new Headers(),
    body: new TextEncoder().encode(text),
    idempotencyKey: null,
    ...given,
  });
  const rounded = decoded.ok ? roundedNumber(text) : null;
  if (rounded !== null)
    return err(`A browser cannot hold the number ${rounded.number} exactly: publish this event with the API`);
  if (!decoded.ok) return err(lineOf(decoded.error.detail, decoded.error.errors ?? []));
  const [entry] = decoded.value.entries;
  if (entry === undefined || !entry.ok) return err("There is no event");
  const { type, attributes, data } = entry.value;
  const event = { specversion: "1.0", ...attributes, type };
  switch (data.kind) {
    case "none":
      return ok(event);
    case "json":
      return ok({ ...event, data: JSON.parse(data.text) as unknown });
    case "text":
      return ok({ ...event, data: data.text });
    case "binary":
      return ok({ ...event, data_base64: data.base64 });
  }
}

/** The same of a text that is being typed, for the editor. */
export function mistakesOf(text: string, given: Given): readonly Mistake[] {
  const rounded = roundedNumber(text);
  const read = readEvent(text, given);
  return read.ok ? [] : [{ message: read.error, ...(rounded === null ? {} : { from: rounded.from, to: rounded.to }) }];
}

const lineOf = (detail: string, faults: readonly Fault[]): string =>
  faults.length < 2 ? detail : faults.map((fault) => fault.detail).join("; ");

const TOKENS = /"(?:[^"\\]|\\.)*"|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;
/** A double holds so many digits of any decimal number. */
const EXACT_DIGITS = 15;

/** A number that would not leave a browser as it was typed. */
function roundedNumber(text: string): { readonly number: string; readonly from: number; readonly to: number } | null {
  for (const { 1: number, index } of text.matchAll(TOKENS)) {
    if (number === undefined) continue;
    const digits = number
      .replace(/[eE].*$/, "")
      .replace(/\D/g, "")
      .replace(/^0+|0+$/g, "");
    if (digits.length > EXACT_DIGITS && String(Number(number)) !== number)
      return { number, from: index, to: index + number.length };
  }
  return null;
}
