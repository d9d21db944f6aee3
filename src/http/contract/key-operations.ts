/** Keys in the document: what answers show, and the operations. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { answer, bare, jsonBody, operation, patchBody } from "./operation.ts";
import { idOf, nameMember, pageOf, pathId, time, versioned } from "./parts.ts";
import { scopes, types, allowedOrigins, rateLimit, keyCreate, keyPatch, rotateBody, keyQuery } from "./keys.ts";

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
  replaced_by: idOf(
    "key",
    "The successor that a rotation made of it; null: none, or its end was set anew since.",
  ).nullable(),
  status: z.enum(["active", "expired"]),
  ...versioned,
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
  replaced_by: null,
  status: "active",
  created_at: "2026-11-23T09:00:00.000Z",
  updated_at: "2026-11-23T09:00:00.000Z",
  version: 13,
  effective_at: "2026-11-23T09:00:05.000Z",
};
const NEW = { ...EXAMPLE, last_used_at: null, key: "ftk_default_4fGh7Jk2Lm9Np3Qr5St8Uv_Wx1Yz6Ab" };

const path = z.object({ id: pathId("The id of the key.", EXAMPLE.id) });

// ---- Operations --------------------------------------------------------------------------------------------------

export const keyPaths: ZodOpenApiPathsObject = {
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
        temporary: { summary: "For a while", value: { scopes: ["read"], expires_at: "2030-01-01T00:00:00Z" } },
      }),
      answers: {
        201: answer("It is made.", {
          schema: keyCreated,
          example: NEW,
          more: ["etag", "location", "idempotent-replayed"],
        }),
      },
      problems: ["not-found", "limit-reached", "invalid-request", "idempotency-key-reused"],
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
      requestHeaders: ["if-none-match", "if-match"],
      answers: {
        200: answer("The key.", { schema: key, example: EXAMPLE, more: ["etag"] }),
      },
      problems: ["not-found", "version-mismatch"],
    }),
    patch: operation({
      id: "changeKey",
      tag: "Keys",
      summary: "Change a key",
      description: "A merge patch. The caller must hold every scope that the key has or gets.",
      access: ["manage"],
      path,
      requestHeaders: ["if-match", "if-none-match"],
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
      requestHeaders: ["if-match", "if-none-match"],
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
      requestHeaders: ["idempotency-key", "if-match", "if-none-match"],
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
      problems: ["not-found", "limit-reached", "version-mismatch", "invalid-request", "idempotency-key-reused"],
    }),
  },
};
