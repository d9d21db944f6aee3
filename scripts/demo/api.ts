/** The few calls of the router's HTTP API that the demo makes besides publishing. */
import { at } from "./payloads.ts";

/** A router that answers at all answers within milliseconds. */
const CALL_MS = 20_000;

export interface Api {
  /** @throws Error with the problem when the answer is not 2xx, or when there is none in time. */
  readonly call: (method: "GET" | "POST", path: string, body?: unknown) => Promise<unknown>;
}

export function apiOf(url: string, key: string): Api {
  return {
    call: async (method, path, body) => {
      const failed = (what: string) => new Error(`${method} ${path} ${what}`);
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        signal: AbortSignal.timeout(CALL_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }).catch((error: unknown) => {
        throw failed(`got no answer: ${String(error)}`);
      });
      const text = await response.text();
      if (!response.ok) throw failed(`answered ${response.status}: ${text}`);
      return JSON.parse(text);
    },
  };
}

/** A text of an answer. @throws Error when it is not there. */
export function textAt(answer: unknown, path: string): string {
  const value = at(answer, path);
  if (typeof value !== "string") throw new Error(`The router's answer has no ${path}`);
  return value;
}
