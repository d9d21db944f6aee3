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

/** Refused: bytes that are not UTF-8 or not JSON, and arrays and objects nested over `depthMax` levels. */
export function readJsonBody<T>(
  body: Uint8Array,
  depthMax: number,
  outlineOf: Outline<T>,
): Result<JsonBody<T>, Refusal> {
  const text = decodeUtf8(body);
  if (text === null) return err(refusal("malformed-body", "The body is not valid UTF-8"));
  const parsed = outlineJson(text, depthMax, outlineOf);
  return parsed.ok
    ? ok({ text, ...parsed.value })
    : err(refusal("malformed-json", `The body is not valid JSON at ${parsed.error}`));
}
