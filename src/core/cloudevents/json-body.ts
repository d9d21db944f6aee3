/** A body that must be JSON: its refusals, the same in every content mode. Decides nothing about what the JSON means. */
import { refusal, type Refusal } from "../problem.ts";
import { err, ok, type Result } from "../result.ts";
import { decodeUtf8 } from "../utf8.ts";
import { outlineJson, type Outline } from "./json-text.ts";

export interface JsonBody<T> {
  readonly text: string;
  readonly value: unknown;
  readonly outline: T;
}

interface Expected<T> {
  readonly depthMax: number;
  readonly outlineOf: Outline<T>;
  /** What the bytes are of the request, for the words: the body unless it is said. */
  readonly of?: "line";
}

/** Refused: bytes that are not UTF-8 or not JSON, and arrays and objects nested over `depthMax` levels. */
export function readJsonBody<T>(
  body: Uint8Array,
  { depthMax, outlineOf, of: what }: Expected<T>,
): Result<JsonBody<T>, Refusal> {
  const text = decodeUtf8(body);
  if (text === null) return err(refusal("malformed-body", `The ${what ?? "body"} is not valid UTF-8`));
  const parsed = outlineJson(text, depthMax, outlineOf);
  if (parsed.ok) return ok({ text, ...parsed.value });
  // A line has but one, and its number in the stream is told beside.
  const place = what === "line" ? parsed.error.replace(/^line 1, /, "") : parsed.error;
  return err(refusal("malformed-json", `The ${what ?? "body"} is not valid JSON at ${place}`));
}
