/**
 * Reading request bodies: capped while they are read, never after. Decides nothing about what is in them, beyond that a management
 * body is a JSON object.
 */
import { MANAGEMENT_BYTES_MAX } from "../core/limits.ts";
import { refusal, type Refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";

/** The bytes of the body, empty without one. Refused: an encoding, more than `bytesMax`, a body that breaks off. */
export async function readBody(request: Request, bytesMax: number): Promise<Result<Uint8Array<ArrayBuffer>, Refusal>> {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding !== "" && encoding !== "identity")
    return err(refusal("unsupported-media-type", "content-encoding must be absent or identity"));
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

/** A JSON object whose members are not yet known. */
export type Members = Readonly<Record<string, unknown>>;

export const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The members of a management body of one of those media types. Refused: anything but a JSON object in UTF-8. */
export async function readMembers(
  request: Request,
  mediaTypes: readonly string[] = ["application/json"],
): Promise<Result<Members, Refusal>> {
  const [mediaType = "", ...parameters] = (request.headers.get("content-type") ?? "").toLowerCase().split(";");
  if (!mediaTypes.includes(mediaType.trim()))
    return err(refusal("unsupported-media-type", `content-type must be ${mediaTypes.join(" or ")}`));
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset))
    return err(refusal("unsupported-media-type", "charset must be utf-8"));
  const body = await readBody(request, MANAGEMENT_BYTES_MAX);
  return body.ok ? parseMembers(body.value) : body;
}

function parseMembers(bytes: Uint8Array): Result<Members, Refusal> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return err(refusal("malformed-json", "The body is not UTF-8"));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The engine's message quotes the body, which may hold a secret: only the place is taken from it.
    const [place] = /at position \d+/.exec(String(error)) ?? [];
    return err(refusal("malformed-json", `The body is not valid JSON${place === undefined ? "" : ` ${place}`}`));
  }
  if (!isMembers(value))
    return err(
      refusal("invalid-request", "The body must be an object", [{ pointer: "", detail: "The body must be an object" }]),
    );
  return ok(value);
}
