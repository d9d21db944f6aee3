/** The options of a client, checked once. No message holds the key. */
import { systemFetch, systemRuntime, type Fetch, type Runtime } from "./runtime.ts";

/**
 * How to reach Fantail, and how patient to be.
 *
 * @example
 * const options: ClientOptions = { url: "https://events.example.com", key: "ftk_…", source: "/shop", timeoutMs: 5_000 };
 */
export interface ClientOptions extends Patience {
  /** Where Fantail is: `https://events.example.com`, without `/v1`. */
  readonly url: string;
  /** A key of a bus, or the root key. Null: on a page of the router's own host, the session that it is signed in with. */
  readonly key: string | null;
  /** The bus, for the root key; a key of a bus has its own. Else it is `default`. */
  readonly bus?: string;
  /** The `source` of events that have none. Else it is `/buses/<bus>`. */
  readonly source?: string;
  /** Called in place of the runtime's `fetch`. */
  readonly fetch?: Fetch;
  /** Clock and randomness, for tests. */
  readonly runtime?: Partial<Runtime>;
}

/** How long to try. Every call may have its own. */
export interface Patience {
  /** For one request and its whole answer. Default: 30 000. */
  readonly timeoutMs?: number;
  /** How often a request is sent again. Default: 4. */
  readonly retries?: number;
  /** For a request with all its retries: no retry begins after that. Default: 120 000. */
  readonly deadlineMs?: number;
}

/**
 * What every call takes.
 *
 * @example
 * const options: CallOptions = { signal: AbortSignal.timeout(10_000), retries: 0 };
 */
export interface CallOptions extends Patience {
  /** Ends the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface Settings extends Required<Patience> {
  /** Without a trailing slash. */
  readonly url: string;
  readonly key: string | null;
  /** The header `fantail-bus`; null: none is sent. */
  readonly bus: string | null;
  readonly source: string;
  readonly fetch: Fetch;
  readonly runtime: Runtime;
}

const TIMEOUT_MS_DEFAULT = 30_000;
const RETRIES_DEFAULT = 4;
const DEADLINE_MS_DEFAULT = 120_000;

/** @throws TypeError that names the option. */
export function settingsOf(options: ClientOptions): Settings {
  const { key, bus = null } = options;
  // A header that `fetch` refuses is in the message of its error.
  if (key !== null && (typeof key !== "string" || !/^[!-~]+$/.test(key)))
    throw new TypeError("key must be visible ASCII characters");
  if (bus !== null && !/^[a-z0-9-]{1,32}$/.test(bus)) throw new TypeError("bus must be 1 to 32 of a-z, 0-9 and hyphen");
  const own = /^ftk_([a-z0-9-]{1,32})_/.exec(key ?? "")?.[1];
  return {
    url: baseOf(options.url),
    key,
    bus,
    source: options.source ?? `/buses/${bus ?? own ?? "default"}`,
    fetch: options.fetch ?? systemFetch,
    runtime: { ...systemRuntime, ...options.runtime },
    ...patienceOf(options, {
      timeoutMs: TIMEOUT_MS_DEFAULT,
      retries: RETRIES_DEFAULT,
      deadlineMs: DEADLINE_MS_DEFAULT,
    }),
  };
}

/** What a call says, and for the rest what the client has. @throws TypeError that names the option. */
export function patienceOf(own: Patience, otherwise: Required<Patience>): Required<Patience> {
  const { timeoutMs = otherwise.timeoutMs, retries = otherwise.retries, deadlineMs = otherwise.deadlineMs } = own;
  if (!(timeoutMs > 0)) throw new TypeError("timeoutMs must be over 0");
  if (!Number.isInteger(retries) || retries < 0) throw new TypeError("retries must be a whole number from 0");
  if (!(deadlineMs >= 0)) throw new TypeError("deadlineMs must be 0 or more");
  return { timeoutMs, retries, deadlineMs };
}

function baseOf(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new TypeError("url must be an absolute URL like https://events.example.com");
  }
  if (!/^https?:$/.test(parsed.protocol)) throw new TypeError("url must begin with https: or http:");
  if (parsed.username !== "" || parsed.password !== "") throw new TypeError("url must not hold credentials");
  if (parsed.search !== "" || parsed.hash !== "") throw new TypeError("url must have neither query nor fragment");
  const base = parsed.href.replace(/\/+$/, "");
  if (base.endsWith("/v1")) throw new TypeError("url must not end in /v1: the client adds it");
  return base;
}
