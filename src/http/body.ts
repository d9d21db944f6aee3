/**
 * Reading request bodies: capped while they are read, never after. Decides nothing about what is in them, beyond that a management
 * body is a JSON object.
 */
import type { Context } from "hono";
import { parseJson } from "../core/cloudevents/json-text.ts";
import { isUtf8, parseMediaType } from "../core/cloudevents/media-type.ts";
import { isMembers, type Members } from "../core/json-value.ts";
import { MANAGEMENT_BYTES_MAX } from "../core/limits.ts";
import { refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { decodeUtf8 } from "../core/utf8.ts";
import type { HttpEnv } from "./deps.ts";
import type { HttpRefusal } from "./problem.ts";

/** The bytes of the body, empty without one. Refused: an encoding, more than `bytesMax`, a body that breaks off. */
export async function readBody(
  request: Request,
  bytesMax: number,
): Promise<Result<Uint8Array<ArrayBuffer>, HttpRefusal>> {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding !== "" && encoding !== "identity")
    return err({
      ...refusal("unsupported-media-type", "content-encoding must be absent or identity"),
      headers: { "accept-encoding": "identity" },
    });
  const tooLarge = err(refusal("payload-too-large", `The body has more than ${bytesMax} bytes, the limit`));
  // Saves the upload; whoever lies in this header meets the cap below.
  if (Number(request.headers.get("content-length") ?? 0) > bytesMax) return tooLarge;
  if (request.body === null) return ok(new Uint8Array());

  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      length += chunk.value.byteLength;
      if (length > bytesMax) {
        await reader.cancel();
        return tooLarge;
      }
      chunks.push(chunk.value);
    }
  } catch {
    // The producer went away in the middle: nobody reads this answer, and it is not our failure.
    return err(refusal("malformed-body", "The body broke off before its end"));
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return ok(bytes);
}

/** The bytes of a management body: read once, also when its `Idempotency-Key` had them read before. */
export async function managementBody(c: Context<HttpEnv>): Promise<Result<Uint8Array<ArrayBuffer>, HttpRefusal>> {
  if (c.var.body !== undefined) return ok(c.var.body);
  const body = await readBody(c.req.raw, MANAGEMENT_BYTES_MAX);
  if (body.ok) c.set("body", body.value);
  return body;
}

/** The members of a management body of one of those media types. Refused: anything but a JSON object in UTF-8. */
export async function readMembers(
  c: Context<HttpEnv>,
  mediaTypes: readonly string[] = ["application/json"],
): Promise<Result<Members, HttpRefusal>> {
  const request = c.req.raw;
  const mediaType = parseMediaType(request.headers.get("content-type") ?? "");
  if (mediaType === null || !mediaTypes.includes(`${mediaType.type}/${mediaType.subtype}`))
    return err({
      ...refusal("unsupported-media-type", `content-type must be ${mediaTypes.join(" or ")}`),
      // RFC 9110 §12.5.1, RFC 5789 §2.2.
      headers: { [request.method === "PATCH" ? "accept-patch" : "accept"]: mediaTypes.join(", ") },
    });
  if (!isUtf8(mediaType)) return err(refusal("unsupported-media-type", "charset must be utf-8"));
  const body = await managementBody(c);
  if (!body.ok) return body;
  const text = decodeUtf8(body.value);
  if (text === null) return err(refusal("malformed-body", "The body is not valid UTF-8"));
  const json = parseJson(text);
  if (!json.ok) return err(refusal("malformed-json", `The body is not valid JSON at ${json.error}`));
  const detail = "The body must be an object";
  return isMembers(json.value) ? ok(json.value) : err(refusal("invalid-request", detail, [{ pointer: "", detail }]));
}

/** The same of a body that may be left out; null without one. */
export async function readMembersIfAny(c: Context<HttpEnv>): Promise<Result<Members | null, HttpRefusal>> {
  const body = await managementBody(c);
  if (!body.ok) return body;
  return body.value.byteLength === 0 ? ok(null) : readMembers(c);
}
