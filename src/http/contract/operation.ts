/** One operation of the document: what all have in common is added here. */
import type * as z from "zod";
import type { ZodOpenApiOperationObject, ZodOpenApiRequestBodyObject, ZodOpenApiResponseObject } from "zod-openapi";
import type { ProblemSlug } from "../../core/problem.ts";
import { headers, requestHeaders, type AnswerHeader, type RequestHeader } from "./headers.ts";
import { problems } from "./problems.ts";

/** The scopes of which a key needs one; `root`: the root key alone; `nobody`: no key. */
type AccessRule = readonly ("publish" | "read" | "manage")[] | "root" | "nobody";

export interface Operation {
  readonly id: string;
  readonly tag:
    | "Events"
    | "Deliveries"
    | "Subscriptions"
    | "Filters"
    | "Metrics"
    | "Keys"
    | "Buses"
    | "Audit"
    | "Service";
  readonly summary: string;
  readonly description: string;
  readonly access: AccessRule;
  readonly path?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Beside `fantail-bus`, which is read wherever there is a key, and `content-encoding`, wherever there is a body. */
  readonly requestHeaders?: readonly RequestHeader[];
  readonly body?: ZodOpenApiRequestBodyObject;
  readonly answers: Readonly<Record<string, ZodOpenApiResponseObject>>;
  /** Beside those that everything behind a key or with a body can answer. */
  readonly problems: readonly ProblemSlug[];
}

const ANYWHERE = ["internal-error"] as const satisfies readonly ProblemSlug[];
const BEHIND_A_KEY = [
  "invalid-parameter",
  "invalid-header",
  "unauthorized",
  "forbidden",
  "unavailable",
] as const satisfies readonly ProblemSlug[];
const ON_A_BUS = ["bus-not-found"] as const satisfies readonly ProblemSlug[];
const WITH_A_BODY = [
  "malformed-body",
  "malformed-json",
  "payload-too-large",
  "unsupported-media-type",
] as const satisfies readonly ProblemSlug[];

/** The operation as the document has it. */
export function operation(one: Operation): ZodOpenApiOperationObject {
  const { access } = one;
  const read: readonly RequestHeader[] = [
    ...(access === "nobody" ? [] : (["fantail-bus"] as const)),
    ...(one.requestHeaders ?? []),
    ...(one.body === undefined ? [] : (["content-encoding"] as const)),
  ];
  return {
    operationId: one.id,
    tags: [one.tag],
    summary: one.summary,
    description: one.description,
    security: securityOf(access),
    requestParams: {
      ...(one.path === undefined ? {} : { path: one.path }),
      ...(one.query === undefined ? {} : { query: one.query }),
    },
    parameters: read.map((name) => requestHeaders[name]),
    ...(one.body === undefined ? {} : { requestBody: one.body }),
    responses: {
      ...one.answers,
      ...problems([
        ...ANYWHERE,
        ...(access === "nobody" ? [] : BEHIND_A_KEY),
        ...(access === "nobody" || access === "root" ? [] : ON_A_BUS),
        ...(one.body === undefined ? [] : WITH_A_BODY),
        ...one.problems,
      ]),
    },
  };
}

function securityOf(access: AccessRule): Record<string, string[]>[] {
  if (access === "nobody") return [];
  if (access === "root") return [{ root_key: [] }, { session: [] }];
  return [...access.map((scope) => ({ key: [scope] })), { root_key: [] }, { session: [] }];
}

const EVERYWHERE = ["x-request-id", "cache-control"] as const satisfies readonly AnswerHeader[];

/** An answer in JSON, with an example that fits it. */
export const answer = (
  description: string,
  { schema, example, more = [] }: { schema: z.ZodType; example: unknown; more?: readonly AnswerHeader[] },
): ZodOpenApiResponseObject => ({
  description,
  headers: headers([...EVERYWHERE, ...more]),
  content: { "application/json": { schema, example } },
});

/** An answer without a body. */
export const bare = (description: string, more: readonly AnswerHeader[] = []): ZodOpenApiResponseObject => ({
  description,
  headers: headers([...EVERYWHERE, ...more]),
});

/** A request body of JSON, with examples that fit it. */
export const jsonBody = (
  schema: z.ZodType,
  examples: Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>,
  { required = true }: { required?: boolean } = {},
): ZodOpenApiRequestBodyObject => ({
  required,
  content: { "application/json": { schema, examples: { ...examples } } },
});

/** A merge patch (RFC 7396), under its own media type or as plain JSON. */
export const patchBody = (
  schema: z.ZodType,
  examples: Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>,
): ZodOpenApiRequestBodyObject => ({
  required: true,
  content: {
    "application/merge-patch+json": { schema, examples: { ...examples } },
    "application/json": { schema, examples: { ...examples } },
  },
});
