/** What the client takes from the runtime: clock, randomness, `fetch`. Nothing else in `client/` reads them; tests give their own. */

/** Time and chance, for tests. */
export interface Runtime {
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Resolves when the time is over, or at once when the signal aborts. Never rejects. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** A new UUID, version 4. */
  readonly uuid: () => string;
  /** Uniform in [0, 1). */
  readonly fraction: () => number;
}

/** As `fetch` of the runtime, of which the client uses no more than this. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The longest wait that `setTimeout` takes: a longer one is over at once. */
const TIMER_MS_MAX = 2_147_483_647;

/** The one this code runs in. */
export const systemRuntime: Runtime = {
  now: () => Date.now(),
  sleep,
  uuid,
  fraction: () => Math.random(),
};

/** Looked up with each call, as the caller's own code would. */
export const systemFetch: Fetch = (url, init) => globalThis.fetch(url, init);

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(ms, TIMER_MS_MAX));
    signal.addEventListener("abort", end);
  });
}

/** By hand, because browsers have `randomUUID` on secure pages only. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // RFC 9562 §5.4: version and variant.
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
