/** The client of this page's router, with the session of its cookie, which no script sees. The only place that calls `fetch`. */
import { createClient, type Client } from "../../client/index.ts";

/** Told of every answer, and of its absence, whoever asked. */
export interface Listener {
  /** The session is over, or never was. */
  readonly unauthorized: () => void;
  /** Whether there was an answer of any kind. */
  readonly reachable: (isReachable: boolean) => void;
}

/** A person waits: one more try, and not for long. */
const PATIENCE = { timeoutMs: 15_000, retries: 1 } as const;

/** @param bus null: that of the key. Another is for the root key alone. */
export function dashboardClient(bus: string | null, listener: Listener): Client {
  return createClient({
    url: location.origin,
    key: null,
    ...(bus === null ? {} : { bus }),
    ...PATIENCE,
    fetch: (url, init) => listening(url, init, listener),
  });
}

async function listening(url: string, init: RequestInit, listener: Listener): Promise<Response> {
  try {
    const response = await fetch(url, init);
    listener.reachable(true);
    if (response.status === 401) listener.unauthorized();
    return response;
  } catch (error) {
    // An abort is the page's own doing.
    if (init.signal?.aborted !== true) listener.reachable(false);
    throw error;
  }
}
