/** What the resources have in common: how a call becomes a request, and a list its pages. It knows no resource. */
import { isList, isMembers } from "../core/json-value.ts";
import { leavesOpen, ProblemError, UnexpectedAnswerError } from "./errors.ts";
import type { CallOptions } from "./options.ts";
import type { ApiRequest, Transport } from "./transport.ts";

/**
 * A change that is made only if nobody was faster.
 *
 * @example
 * await client.keys.update(key.id, { name: "shop" }, { ifMatch: key.version });
 */
export interface ChangeOptions extends CallOptions {
  /**
   * The `version` that was read: another is refused with `version-mismatch`. Such a change is not sent again when its answer is lost,
   * because it would then find its own version: read what became of it.
   */
  readonly ifMatch?: number;
}

/**
 * How something is made.
 *
 * @example
 * await client.subscriptions.create({ sink }, { idempotencyKey: "billing-2026-11" });
 */
export interface MakeOptions extends CallOptions {
  /**
   * 1 to 255 visible ASCII characters: the same call under the same key makes nothing a second time within 24 h, also after a restart of
   * the caller. Else each call has a key of its own, which its retries share.
   */
  readonly idempotencyKey?: string;
}

/**
 * One page of a list.
 *
 * @example
 * const page: Page<EventSummary> = await client.events.list().page();
 */
export interface Page<T> {
  /** May be short, or empty, and still not be the last. */
  readonly data: readonly T[];
  /** For the next page; null: there is none. */
  readonly next_cursor: string | null;
}

/**
 * A list that is read as far as it is looped over, a page at a time.
 *
 * @example
 * for await (const event of client.events.list({ type: "order.created" })) console.log(event.event_id);
 */
export interface List<T> extends AsyncIterable<T> {
  /** One page: the first, or that of the cursor. */
  page(cursor?: string): Promise<Page<T>>;
}

/**
 * The pages of an answer that comes in several, each asked for when it is looped over.
 *
 * @example
 * let matched = 0;
 * for await (const page of client.filters.backtest({ types: ["order.created"] })) matched += page.matched;
 */
export interface Pages<T> extends AsyncIterable<T> {
  /** One page: the first, or that of the cursor. */
  page(cursor?: string): Promise<T>;
}

/** Makes requests of calls. */
export interface Calls {
  get<T>(path: string, options: CallOptions): Promise<T>;
  /** A question that needs a body, and changes nothing. */
  ask<T>(path: string, body: unknown, options: CallOptions): Promise<T>;
  /** The same whose answer has a `next_cursor`. */
  pages<T extends Paged>(path: string, body: object, options: CallOptions): Pages<T>;
  /** With an `Idempotency-Key`, so that a retry makes no second thing. */
  make<T>(path: string, body: unknown, options: MakeOptions): Promise<T>;
  /** A merge patch. */
  patch<T>(path: string, body: unknown, options: ChangeOptions): Promise<T>;
  put<T>(path: string, body: unknown, options: PutOptions): Promise<T>;
  delete(path: string, options: ChangeOptions): Promise<void>;
  list<T>(path: string, query: Query, options: CallOptions): List<T>;
}

/**
 * How something with a name of one's own is set.
 *
 * @example
 * await client.buses.put("eu", { retention_days: 14 }, { ifAbsent: true });
 */
export interface PutOptions extends ChangeOptions {
  /** Only if there is none yet; else it is refused with `version-mismatch`. */
  readonly ifAbsent?: boolean;
}

interface Paged {
  readonly next_cursor: string | null;
}

export type Query = Readonly<Record<string, string | number | Date | undefined>>;

export function createCalls(transport: Transport, uuid: () => string): Calls {
  const send = async (request: ApiRequest, options: CallOptions) => (await transport.send(request, options)).value;
  return {
    get: async <T>(path: string, options: CallOptions) =>
      documentOf<T>(send({ method: "GET", path, repeatable: "always" }, options)),
    ask: async <T>(path: string, body: unknown, options: CallOptions) =>
      documentOf<T>(send(withBody({ method: "POST", path, repeatable: "always" }, body), options)),
    pages: <T extends Paged>(path: string, body: object, options: CallOptions) => {
      const request = (cursor: string | undefined) =>
        withBody({ method: "POST", path, repeatable: "always" }, { ...body, cursor });
      const page = (cursor?: string) => pagedOf<T>(send(request(cursor), options));
      return { page, [Symbol.asyncIterator]: () => pagesOf(page) };
    },
    make: async <T>(path: string, body: unknown, options: MakeOptions) => {
      const headers = { "idempotency-key": options.idempotencyKey ?? uuid() };
      return documentOf<T>(send(withBody({ method: "POST", path, headers, repeatable: "always" }, body), options));
    },
    patch: async <T>(path: string, body: unknown, options: ChangeOptions) =>
      documentOf<T>(send(withBody({ method: "PATCH", path, ...conditions(options) }, body), options)),
    put: async <T>(path: string, body: unknown, options: PutOptions) =>
      documentOf<T>(send(withBody({ method: "PUT", path, ...conditions(options) }, body), options)),
    delete: (path, options) => remove(transport, path, options),
    list: <T>(path: string, query: Query, options: CallOptions) => {
      const get = (cursor: string | undefined) =>
        send({ method: "GET", path: path + search({ ...query, cursor }), repeatable: "always" }, options);
      return listOf<T>(async (cursor) => pageOf<T>(await get(cursor)));
    },
  };
}

/** What a deletion finds that was carried out before: the thing is gone, or its bus. */
const GONE: ReadonlySet<string> = new Set(["not-found", "bus-not-found"]);

async function remove(transport: Transport, path: string, options: ChangeOptions): Promise<void> {
  let isOpen = false;
  const onRetry = (error: unknown): void => {
    isOpen ||= leavesOpen(error);
  };
  try {
    await transport.send({ method: "DELETE", path, ...conditions(options), onRetry }, options);
  } catch (error) {
    // A try before this one was carried out, and its answer was lost: it is gone, as was asked.
    if (isOpen && error instanceof ProblemError && GONE.has(error.slug)) return;
    throw error;
  }
}

function withBody(request: ApiRequest, body: unknown): ApiRequest {
  if (body === undefined) return request;
  const type = request.method === "PATCH" ? "application/merge-patch+json" : "application/json";
  return { ...request, headers: { ...request.headers, "content-type": type }, body: JSON.stringify(body) };
}

function conditions({ ifMatch, ifAbsent = false }: PutOptions): Pick<ApiRequest, "headers" | "repeatable"> {
  if (ifMatch !== undefined) return { headers: { "if-match": `"${ifMatch}"` }, repeatable: "when-refused" };
  return ifAbsent
    ? { headers: { "if-none-match": "*" }, repeatable: "when-refused" }
    : { headers: {}, repeatable: "always" };
}

/** The query of a path, "" without any. */
export function search(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value instanceof Date ? value.toISOString() : String(value)]],
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
}

function listOf<T>(page: (cursor: string | undefined) => Promise<Page<T>>): List<T> {
  return {
    page: (cursor) => page(cursor),
    async *[Symbol.asyncIterator]() {
      for await (const { data } of pagesOf(page)) yield* data;
    },
  };
}

async function* pagesOf<T extends Paged>(
  page: (cursor: string | undefined) => Promise<T>,
): AsyncGenerator<T, void, undefined> {
  let cursor: string | undefined;
  for (;;) {
    const one = await page(cursor);
    yield one;
    const { next_cursor } = one;
    if (next_cursor === null) return;
    // A server that turns in a circle must not make us do so.
    if (next_cursor === cursor) throw new UnexpectedAnswerError("The list does not go on: its cursor repeats", 200);
    cursor = next_cursor;
  }
}

async function documentOf<T>(answer: Promise<unknown>): Promise<T> {
  const value = await answer;
  if (!isMembers(value)) throw new UnexpectedAnswerError("The answer has no document", 200);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the types are made of the contract that the server's answers keep
  return value as T;
}

function pageOf<T>(value: unknown): Page<T> {
  if (!isPage<T>(value)) throw new UnexpectedAnswerError("The answer is no page of a list", 200);
  return value;
}

async function pagedOf<T>(answer: Promise<unknown>): Promise<T> {
  const value = await answer;
  if (!isPaged(value)) throw new UnexpectedAnswerError("The answer does not say whether there is more", 200);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as in `documentOf`
  return value as T;
}

const isPaged = (value: unknown): value is Paged =>
  isMembers(value) && (value["next_cursor"] === null || typeof value["next_cursor"] === "string");

const isPage = <T>(value: unknown): value is Page<T> => isMembers(value) && isPaged(value) && isList(value["data"]);
