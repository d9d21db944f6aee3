/** Sessions in the document: what answers show, and the operations. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { SCOPES } from "../../ports.ts";
import { answer, bare, jsonBody, operation } from "./operation.ts";
import { idOf, time } from "./parts.ts";
import { sessionBody } from "./session.ts";

const shown = z
  .object({
    bus: idOf("bus", "The bus that requests act on."),
    scopes: z.array(z.enum(SCOPES)).meta({ description: "What the key may do there." }),
    actor: z.string().meta({ description: "Whom the audit names: `root`, or the id of the key." }),
    is_root: z.boolean().meta({ description: "It is the root key, which may name any bus in `fantail-bus`." }),
    expires_at: time("When the session or the key ends, whichever is first; null: neither does.").nullable(),
  })
  .meta({ id: "Session", description: "What the key of a request allows." });

const EXAMPLE = {
  bus: "default",
  scopes: ["read", "manage"],
  actor: "key_01jd3x8k0v7q2m9c4n5t6w8y0z",
  is_root: false,
  expires_at: "2026-11-26T21:00:00.000Z",
};

export const sessionPaths: ZodOpenApiPathsObject = {
  "/v1/session": {
    post: operation({
      id: "signIn",
      tag: "Service",
      summary: "Sign in with a key",
      description:
        "For pages of this host: the key comes back sealed in the cookie `fantail_session`, which no script can read, for 12 hours. Requests that carry the cookie and the header `fantail-session` are made with that key.",
      access: "nobody",
      requestHeaders: ["fantail-bus"],
      body: jsonBody(sessionBody, {
        key: { summary: "A key of a bus", value: { key: "ftk_default_4fGh7Jk2Lm9Np3Qr5St8Uv_Wx1Yz6Ab" } },
      }),
      answers: { 201: answer("Signed in.", { schema: shown, example: EXAMPLE, more: ["set-cookie"] }) },
      problems: [
        "invalid-parameter",
        "invalid-header",
        "unauthorized",
        "forbidden",
        "bus-not-found",
        "invalid-request",
        "unavailable",
      ],
    }),
    get: operation({
      id: "getSession",
      tag: "Service",
      summary: "Read what a key allows",
      description: "Of the key, or the session, that the request carries.",
      access: SCOPES,
      answers: { 200: answer("What it allows.", { schema: shown, example: EXAMPLE }) },
      problems: [],
    }),
    delete: operation({
      id: "signOut",
      tag: "Service",
      summary: "Sign out",
      description: "The browser forgets the cookie. The key stays valid.",
      access: "nobody",
      answers: { 204: bare("Signed out, or nobody was signed in.", ["set-cookie"]) },
      problems: [],
    }),
  },
};
