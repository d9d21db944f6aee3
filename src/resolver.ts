/**
 * The adapter that asks which addresses a sink's name has: DNS over HTTPS (RFC 8484), the one outbound fetch beside `webhook.ts`. It keeps
 * nothing, so that every attempt asks anew, and judges no address.
 */
import { encodeBase64 } from "./core/base64.ts";
import { byteBuffer } from "./core/byte-buffer.ts";
import { type AddressType, decodeAnswer, encodeQuestion } from "./core/dns.ts";
import { DNS_ANSWER_BYTES_MAX, DNS_TIMEOUT_MS } from "./core/limits.ts";
import { err, ok, type Result } from "./core/result.ts";
import type { Resolver } from "./ports.ts";

const DNS_MESSAGE = "application/dns-message";

export function dohResolver(deps: { readonly fetch: typeof fetch; readonly url: string }): Resolver {
  // Called without a receiver: the platform's fetch refuses any other.
  const { fetch: send, url } = deps;

  async function ask(
    name: string,
    { type, signal }: { readonly type: AddressType; readonly signal: AbortSignal },
  ): Promise<Result<readonly string[], string>> {
    const question = encodeQuestion(name, type);
    if (question === null) return ok([]);
    const target = new URL(url);
    target.searchParams.set("dns", base64Url(question));
    const response = await send(target.href, {
      headers: { accept: DNS_MESSAGE },
      redirect: "manual",
      // Resolvers say how long their answers may be kept, and the network between may do so.
      cache: "no-store",
      signal,
    });
    const body = await readBody(response);
    if (response.status !== 200) return err(`its answer has the status ${response.status}`);
    if (!response.headers.get("content-type")?.toLowerCase().startsWith(DNS_MESSAGE))
      return err(`its answer is not ${DNS_MESSAGE}`);
    return body === null ? err(`its answer has more than ${DNS_ANSWER_BYTES_MAX} bytes`) : decodeAnswer(body, question);
  }

  return {
    async addresses(name, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(DNS_TIMEOUT_MS)]);
      try {
        // One after the other: a push has one connection.
        const short = await ask(name, { type: "A", signal: limit });
        if (!short.ok) return short;
        const long = await ask(name, { type: "AAAA", signal: limit });
        return long.ok ? ok([...short.value, ...long.value]) : long;
      } catch {
        // The platform's error may quote the URL.
        return err(limit.aborted ? "it took too long" : "the connection could not be made, or broke");
      }
    },
  };
}

/** Without padding, RFC 8484 §4.1. */
function base64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The body, null when it is over DNS_ANSWER_BYTES_MAX: then the rest is cancelled. @throws Error when it breaks off. */
async function readBody({ body }: Response): Promise<Uint8Array | null> {
  const bytes = byteBuffer();
  for await (const piece of body ?? []) {
    if (bytes.length + piece.length > DNS_ANSWER_BYTES_MAX) return null;
    bytes.append(piece);
  }
  return bytes.take();
}
