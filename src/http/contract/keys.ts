/** Keys in the contract: what requests say, what answers show, and the operations. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import {
  ATTRIBUTE_VALUE_BYTES_MAX,
  KEY_ORIGIN_CHARS_MAX,
  KEY_ORIGINS_MAX,
  KEY_OVERLAP_SECONDS_DEFAULT,
  KEY_OVERLAP_SECONDS_MAX,
  KEY_TYPES_MAX,
  RATE_PERIOD_SECONDS,
  RATE_REQUESTS,
} from "../../core/limits.ts";
import { fitsUtf8 } from "../../core/utf8.ts";
import { RATE_TIERS, SCOPES } from "../../ports.ts";
import { answer, bare, jsonBody, operation, patchBody } from "./operation.ts";
import {
  effectiveAt,
  idOf,
  nameMember,
  orNull,
  pageOf,
  pageParameters,
  pathId,
  repeated,
  time,
  timeText,
  version,
  wellFormed,
} from "./parts.ts";

// ---- Requests ----------------------------------------------------------------------------------------------------

const scopes = z
  .array(z.enum(SCOPES))
  .min(1)
  .max(SCOPES.length)
  .meta({ description: "What it may do: publish events; read what is on record; manage everything of the bus." });

const types = z
  .array(
    z
      .string()
      .min(1)
      .max(ATTRIBUTE_VALUE_BYTES_MAX)
      .refine(
        (type) => wellFormed(type) && fitsUtf8(type, ATTRIBUTE_VALUE_BYTES_MAX),
        `types must hold at most ${ATTRIBUTE_VALUE_BYTES_MAX} bytes of UTF-8 each`,
      ),
  )
  .min(1)
  .max(KEY_TYPES_MAX)
  .meta({
    description:
      "Event types that it may publish: each exactly, or all that begin so when it ends in `*`. Null: all. Only of a key that can but publish.",
    examples: [["order.created", "invoice.*"]],
  })
  .nullable();

/** As browsers write it: `new URL(x).origin`. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text;
}

const allowedOrigins = z
  .array(
    z
      .string()
      .max(KEY_ORIGIN_CHARS_MAX)
      .refine(isOrigin, "allowed_origins must hold origins as browsers write them, like https://shop.example.com")
      .meta({ override: { minLength: 1, pattern: "^https?://[^/*\\s]+$" } }),
  )
  .min(1)
  .max(KEY_ORIGINS_MAX)
  .meta({
    description:
      "Origins whose pages may use it, and nobody else may. Null: it is not for browsers. Only of a key that can but publish.",
    examples: [["https://shop.example.com"]],
  })
  .nullable();

const rateLimit = z.enum(RATE_TIERS).meta({
  description: `Publishes in ${RATE_PERIOD_SECONDS} s at one location: ${RATE_REQUESTS.low}, ${RATE_REQUESTS.standard} or ${RATE_REQUESTS.high}.`,
});

const expiresAt = timeText
  .meta({
    override: {
      type: "string",
      format: "date-time",
      description: "It is refused from then on, within ten years; null: never.",
    },
  })
  .nullable();

/** What a key that is not public can do, a key that is limited to types or to browsers must not. */
const LIMITED = ["types", "allowed_origins"] as const;

function refuseLimitsOfOthers(
  key: { readonly scopes: readonly string[]; readonly types: unknown; readonly allowed_origins: unknown },
  context: z.RefinementCtx,
): void {
  if (key.scopes.every((scope) => scope === "publish")) return;
  for (const name of LIMITED) {
    if (key[name] === null) continue;
    context.addIssue({ code: "custom", path: [name], message: `${name} is only for a key whose one scope is publish` });
  }
}

const settings = {
  name: nameMember,
  scopes,
  types: types.default(null),
  allowed_origins: allowedOrigins.default(null),
  rate_limit: rateLimit.default("standard"),
  expires_at: expiresAt.default(null),
};

/** A key to be made, or as a patch leaves it, nulls merged away. That `expires_at` lies ahead is for who has a clock. */
export const keyBody = z.strictObject(settings).superRefine(refuseLimitsOfOthers);

const keyCreate = z
  .strictObject({ ...settings, rate_limit: orNull(settings.rate_limit) })
  .meta({ id: "KeyCreate", description: "A key to be made. It grants nothing that its maker may not do." });

/** What a patch of a key may name. What it leaves is checked by `keyBody`. */
export const keyPatch = z
  .strictObject({
    name: nameMember.unwrap().optional(),
    scopes: scopes.optional(),
    types: types.optional(),
    allowed_origins: allowedOrigins.optional(),
    rate_limit: rateLimit.nullable().optional(),
    expires_at: expiresAt.optional(),
    ...repeated(["id", "bus", "last_used_at", "status", "created_at", "updated_at", "version", "effective_at"]),
  })
  .meta({ id: "KeyPatch", description: "What is to change (RFC 7396). An answer can be edited and sent back." });

export const rotateBody = z
  .strictObject({
    overlap_s: z
      .int()
      .min(0)
      .max(KEY_OVERLAP_SECONDS_MAX)
      .meta({ description: "For how long the former key goes on." })
      .default(KEY_OVERLAP_SECONDS_DEFAULT),
  })
  .meta({ id: "KeyRotate" });

export const keyQuery = z.strictObject(pageParameters("keys"));

// ---- Answers -----------------------------------------------------------------------------------------------------

const shown = {
  id: idOf("key", "Of this key: not the key itself."),
  bus: idOf("bus", "The bus it belongs to."),
  name: nameMember.unwrap(),
  scopes,
  types,
  allowed_origins: allowedOrigins,
  rate_limit: rateLimit,
  expires_at: time("It is refused from then on; null: never.").nullable(),
  last_used_at: time("To within an hour; null: never.").nullable(),
  status: z.enum(["active", "expired"]),
  created_at: time("When it was made."),
  updated_at: time("When it was changed last."),
  version,
  effective_at: effectiveAt,
};

const secretKey = z.string().meta({
  description: "The key itself. It is shown here and never again.",
  override: { pattern: "^ftk_[a-z0-9-]{1,32}_[0-9A-Za-z]{22}_[0-9A-Za-z]{8}$" },
});

const key = z
  .object(shown)
  .meta({ id: "Key", description: "A key of a bus, as it is known: the key itself is not stored." });

const keyCreated = z.object({ ...shown, key: secretKey }).meta({ id: "KeyCreated", description: "A new key." });

const keyRotated = z
  .object({
    ...shown,
    key: secretKey,
    replaces: z.object({
      id: idOf("key", "The former key."),
      expires_at: time("Its end."),
    }),
  })
  .meta({ id: "KeyRotated", description: "The successor of a key, with what it replaces." });

const EXAMPLE = {
  id: "key_01jd3x8k0v7q2m9c4n5t6w8y0z",
  bus: "default",
  name: "shop",
  scopes: ["publish"],
  types: ["order.*"],
  allowed_origins: null,
  rate_limit: "standard",
  expires_at: null,
  last_used_at: "2026-11-25T10:00:00.000Z",
  status: "active",
  created_at: "2026-11-23T09:00:00.000Z",
  updated_at: "2026-11-23T09:00:00.000Z",
  version: 13,
  effective_at: "2026-11-23T09:00:05.000Z",
};
const NEW = { ...EXAMPLE, last_used_at: null, key: "ftk_default_4fGh7Jk2Lm9Np3Qr5St8Uv_Wx1Yz6Ab" };

const path = z.object({ id: pathId("The id of the key.", EXAMPLE.id) });

// ---- Operations --------------------------------------------------------------------------------------------------

export const keyPaths = (): ZodOpenApiPathsObject => ({
  "/v1/keys": {
    post: operation({
      id: "createKey",
      tag: "Keys",
      summary: "Make a key",
      description: "The key is shown once, in this answer. It works at every location from `effective_at` on.",
      access: ["manage"],
      requestHeaders: ["idempotency-key"],
      body: jsonBody(keyCreate, {
        server: {
          summary: "For a server that publishes",
          value: { name: "shop", scopes: ["publish"], types: ["order.*"] },
        },
        browser: {
          summary: "For a web page",
          value: {
            scopes: ["publish"],
            types: ["page.viewed"],
            allowed_origins: ["https://shop.example.com"],
            rate_limit: "low",
          },
        },
        temporary: { summary: "For a while", value: { scopes: ["read"], expires_at: "2026-12-31T00:00:00Z" } },
      }),
      answers: {
        201: answer("It is made.", {
          schema: keyCreated,
          example: NEW,
          more: ["etag", "location", "idempotent-replayed"],
        }),
      },
      problems: ["limit-reached", "invalid-request", "idempotency-key-reused"],
    }),
    get: operation({
      id: "listKeys",
      tag: "Keys",
      summary: "List the keys of the bus",
      description: "Newest first. An expired one stays in the list for a week.",
      access: ["manage"],
      query: keyQuery,
      answers: {
        200: answer("One page.", { schema: pageOf("KeyPage", key), example: { data: [EXAMPLE], next_cursor: null } }),
      },
      problems: [],
    }),
  },
  "/v1/keys/{id}": {
    get: operation({
      id: "getKey",
      tag: "Keys",
      summary: "Read a key",
      description: "What it may do, and when it was used last; never the key itself.",
      access: ["manage"],
      path,
      requestHeaders: ["if-none-match"],
      answers: {
        200: answer("The key.", { schema: key, example: EXAMPLE, more: ["etag"] }),
        304: bare("It still has that version.", ["etag"]),
      },
      problems: ["not-found"],
    }),
    patch: operation({
      id: "changeKey",
      tag: "Keys",
      summary: "Change a key",
      description: "A merge patch. The caller must hold every scope that the key has or gets.",
      access: ["manage"],
      path,
      requestHeaders: ["if-match"],
      body: patchBody(keyPatch, { limit: { summary: "Limit it to types", value: { types: ["order.created"] } } }),
      answers: { 200: answer("The key as it is after it.", { schema: key, example: EXAMPLE, more: ["etag"] }) },
      problems: ["not-found", "version-mismatch", "invalid-request"],
    }),
    delete: operation({
      id: "revokeKey",
      tag: "Keys",
      summary: "Revoke a key",
      description: "It is refused at every location five seconds later.",
      access: ["manage"],
      path,
      requestHeaders: ["if-match"],
      answers: { 204: bare("It is revoked.") },
      problems: ["not-found", "version-mismatch"],
    }),
  },
  "/v1/keys/{id}/rotate": {
    post: operation({
      id: "rotateKey",
      tag: "Keys",
      summary: "Replace a key by a new one",
      description: "Makes a successor that may do the same, and lets the key end after the overlap.",
      access: ["manage"],
      path,
      requestHeaders: ["idempotency-key"],
      body: jsonBody(
        rotateBody,
        { hour: { summary: "The former key ends in an hour", value: { overlap_s: 3600 } } },
        { required: false },
      ),
      answers: {
        201: answer("The successor is made.", {
          schema: keyRotated,
          example: {
            ...NEW,
            replaces: { id: "key_01jc0000000000000000000000", expires_at: "2026-11-24T09:00:00.000Z" },
          },
          more: ["etag", "location", "idempotent-replayed"],
        }),
      },
      problems: ["not-found", "limit-reached", "invalid-request", "idempotency-key-reused"],
    }),
  },
});
