/** Reading whole request bodies. Decides nothing about what is in them, beyond that a management body is a JSON object. */
import { byteBuffer } from "../core/byte-buffer.ts";
import type { Context } from "hono";
import { readJsonBody, type JsonBody } from "../core/cloudevents/json-body.ts";
import { valueSpan, type Outline } from "../core/cloudevents/json-text.ts";
import { charsetRefusal, parseMediaType } from "../core/cloudevents/media-type.ts";
import { isMembers, type Members } from "../core/json-value.ts";
import { DEFLATE_RATIO_MAX, JSON_DEPTH_MAX, MANAGEMENT_BYTES_MAX } from "../core/limits.ts";
import { refusal, refusalOfFaults } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { statedLength } from "../core/stated-length.ts";
import { faultAt, mustBe } from "../core/words.ts";
import { bounded, brokeOff, NO_BODY, streamed, tooLarge, type BodyLimit, type BodySource } from "./body-source.ts";
import { inflated } from "./inflate.ts";
import type { HttpEnv } from "./deps.ts";
import type { HttpRefusal } from "./problem.ts";

/**
 * The body of a request without its content coding (RFC 9110 §8.4), bounded before and after. Refused at once: another coding than
 * gzip, and a body that says itself that it is too large.
 */
export function bodyOf(request: Request, limit: BodyLimit): Result<BodySource, HttpRefusal> {
  const coding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  const isGzip = coding === "gzip" || coding === "x-gzip";
  if (!isGzip && coding !== "" && coding !== "identity")
    return err({
      ...refusal("unsupported-media-type", "content-encoding must be absent, gzip or identity"),
      headers: { "accept-encoding": "gzip, identity" },
    });
  const length = Number(request.headers.get("content-length") ?? 0);
  // Saves the upload; whoever lies in this header meets the cap below.
  if (length > limit.bytesMax) return err(tooLarge(limit));
  const received = bounded(request.body === null ? NO_BODY : streamed(request.body), limit);
  if (!isGzip) return ok(received);
  // What it can stand for: most bodies are small, and need not the room that the limit would take.
  const inflatedBytes = length > 0 ? length * DEFLATE_RATIO_MAX : limit.bytesMax;
  return ok(bounded(inflated(received, Math.min(inflatedBytes, limit.bytesMax)), limit));
}

/** In one go: piece by piece, each costs a call into the runtime. */
async function readSized(request: Request, limit: BodyLimit): Promise<Result<Uint8Array<ArrayBuffer>, HttpRefusal>> {
  try {
    const bytes = new Uint8Array(await request.arrayBuffer());
    return bytes.byteLength <= limit.bytesMax ? ok(bytes) : err(tooLarge(limit));
  } catch {
    return err(brokeOff);
  }
}

/** The bytes of the body, inflated, empty without one. Refused: another coding than gzip, more than the limit, a body that breaks off. */
export async function readBody(
  request: Request,
  limit: BodyLimit,
): Promise<Result<Uint8Array<ArrayBuffer>, HttpRefusal>> {
  const length = statedLength(request.headers);
  if (length !== null && length <= limit.bytesMax) return readSized(request, limit);
  const body = bodyOf(request, limit);
  if (!body.ok) return body;
  const bytes = byteBuffer();
  for (;;) {
    const next = await body.value.read();
    if (!next.ok) return next;
    if (next.value === null) return ok(bytes.take());
    bytes.append(next.value);
  }
}

/** The bytes of a management body: read once, also when its `Idempotency-Key` had them read before. @throws Unavailable */
export async function managementBody(
  c: Context<HttpEnv>,
  bytesMax = MANAGEMENT_BYTES_MAX,
): Promise<Result<Uint8Array<ArrayBuffer>, HttpRefusal>> {
  if (c.var.body !== undefined) return ok(c.var.body);
  const body = await readBody(c.req.raw, { bytesMax });
  if (!body.ok) return body;
  // The upload may have taken minutes: a key that was revoked meanwhile must not change anything.
  const refused = await c.var.reauthorize();
  if (refused !== null) return err(refused);
  c.set("body", body.value);
  return body;
}

const JSON_TYPES = ["application/json"];

/** The members of a management body of one of those media types. Refused: anything but a JSON object in UTF-8. */
export async function readMembers(
  c: Context<HttpEnv>,
  mediaTypes: readonly string[] = JSON_TYPES,
): Promise<Result<Members, HttpRefusal>> {
  const object = await readObject(c, { ...ANY_OBJECT, mediaTypes });
  return object.ok ? ok(object.value.members) : object;
}

/** A JSON object as it came: its members, its text, and what was looked for in that. */
export interface ObjectBody<T> extends JsonBody<T> {
  readonly members: Members;
}

interface Expected<T> {
  readonly mediaTypes?: readonly string[];
  readonly bytesMax?: number;
  readonly depthMax: number;
  readonly outlineOf: Outline<T>;
}

/** What is expected of a body in which nothing is looked for. */
export const ANY_OBJECT = { depthMax: JSON_DEPTH_MAX, outlineOf: valueSpan };

/** The same with its text, of at most so many bytes and levels. */
export async function readObject<T>(
  c: Context<HttpEnv>,
  { mediaTypes = JSON_TYPES, bytesMax, depthMax, outlineOf }: Expected<T>,
): Promise<Result<ObjectBody<T>, HttpRefusal>> {
  const request = c.req.raw;
  const mediaType = parseMediaType(request.headers.get("content-type") ?? "");
  if (mediaType === null || !mediaTypes.includes(`${mediaType.type}/${mediaType.subtype}`))
    return err({
      ...refusal("unsupported-media-type", `content-type must be ${mediaTypes.join(" or ")}`),
      // RFC 9110 §12.5.1, RFC 5789 §2.2.
      headers: { [request.method === "PATCH" ? "accept-patch" : "accept"]: mediaTypes.join(", ") },
    });
  const otherCharset = charsetRefusal(mediaType);
  if (otherCharset !== null) return err(otherCharset);
  const body = await managementBody(c, bytesMax);
  if (!body.ok) return body;
  const json = readJsonBody(body.value, { depthMax, outlineOf });
  if (!json.ok) return json;
  const { value } = json.value;
  return isMembers(value)
    ? ok({ ...json.value, members: value })
    : err(refusalOfFaults("invalid-request", [faultAt("", mustBe("an object"))]));
}

/** The same of a body that may be left out; null without one. */
export async function readMembersIfAny(c: Context<HttpEnv>): Promise<Result<Members | null, HttpRefusal>> {
  const body = await managementBody(c);
  if (!body.ok) return body;
  return body.value.byteLength === 0 ? ok(null) : readMembers(c);
}
