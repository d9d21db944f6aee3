/** The session behind the cookie that the browser keeps: who is signed in. The cookie itself is never seen by a script. */
import {
  createClient,
  NetworkError,
  ProblemError,
  UnexpectedAnswerError,
  type Client,
  type Problem,
} from "../../client/index.ts";

/** What the key that signed in may do, and where. */
export interface Session {
  /** The bus of the key; for the root key the one that it signed in to. */
  readonly bus: string;
  readonly scopes: readonly ("publish" | "read" | "manage")[];
  /** `root`, or the id of the key. */
  readonly actor: string;
  /** The root key may look at every bus. */
  readonly is_root: boolean;
  /** RFC 3339. */
  readonly expires_at: string;
}

/** Told of every answer, and of its absence, whoever asked. */
export interface Listener {
  /** The session is over, or never was. */
  readonly unauthorized: () => void;
  /** Whether there was an answer of any kind. */
  readonly reachable: (isReachable: boolean) => void;
}

/** A person waits: one more try, and not for long. */
const PATIENCE = { timeoutMs: 15_000, retries: 1 } as const;

/** The client of this page's router, with the session for a key. @param bus null: that of the session. */
export function dashboardClient(bus: string | null, listener: Listener): Client {
  return createClient({
    url: location.origin,
    // Never sent: the cookie stands for it.
    key: "session",
    ...(bus === null ? {} : { bus }),
    ...PATIENCE,
    fetch: (url, init) => {
      const headers = new Headers(init.headers);
      headers.delete("authorization");
      return listening(url, { ...init, headers }, listener);
    },
  });
}

/** @throws ProblemError (401 without a session), NetworkError, UnexpectedAnswerError. */
export const getSession = (signal: AbortSignal): Promise<Session> => sessionOf(ask("GET", { signal }));

/** @throws as `getSession`; 401 for a wrong key. */
export const postSession = (key: string, bus: string | null): Promise<Session> =>
  sessionOf(ask("POST", { body: JSON.stringify(bus === null ? { key } : { key, bus }) }));

/** @throws NetworkError. */
export async function deleteSession(): Promise<void> {
  await ask("DELETE", {});
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

async function ask(method: "GET" | "POST" | "DELETE", init: RequestInit): Promise<Response> {
  const headers = { "content-type": "application/json", accept: "application/json, application/problem+json" };
  try {
    return await fetch("/v1/session", { method, headers, ...init });
  } catch (error) {
    init.signal?.throwIfAborted();
    throw new NetworkError(`${method} /v1/session: no whole answer`, { cause: error });
  }
}

async function sessionOf(answer: Promise<Response>): Promise<Session> {
  const response = await answer;
  const value: unknown = await response.json().catch(() => null);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the contract of the API says
  if (response.ok && value !== null) return value as Session;
  if (response.headers.get("content-type")?.startsWith("application/problem+json") === true)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as its content type says
    throw new ProblemError(value as Problem);
  throw new UnexpectedAnswerError(`The answer ${response.status} is not one of Fantail's`, response.status);
}
