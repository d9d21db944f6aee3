/** `/v1/session`: signing in with a key, for pages, and what the key of a request allows. */
import { Hono, type Context } from "hono";
import { timestampOrNull } from "../core/timestamp.ts";
import { SCOPES } from "../ports.ts";
import { authorize, requires } from "./auth.ts";
import { readMembers } from "./body.ts";
import { sessionBody } from "./contract/session.ts";
import type { Access, HttpDeps, HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";
import { queryRefusal } from "./query.ts";
import { check, invalidRequest } from "./schema.ts";
import { beginSession, endSession } from "./session-cookie.ts";

const rendered = ({ bus, scopes, actor, grant }: Access, endsMs: number | null) => ({
  bus,
  scopes,
  actor,
  is_root: grant === null,
  expires_at: timestampOrNull(endsMs),
});

/** When it ends of what ends first: the session, or the key. */
function endOf({ grant }: Access, sessionMs: number | null): number | null {
  const ends = [sessionMs, grant?.expiresMs ?? null].filter((ms) => ms !== null);
  return ends.length === 0 ? null : Math.min(...ends);
}

export const session = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>()
    .post("/", (c) => signIn(c, deps))
    .get("/", requires(deps, SCOPES), (c) =>
      c.json(rendered(c.var.access, endOf(c.var.access, c.var.sessionMs ?? null))),
    )
    .delete("/", (c) => {
      endSession(c);
      return c.body(null, 204);
    });

async function signIn(c: Context<HttpEnv>, deps: HttpDeps): Promise<Response> {
  const refused = queryRefusal(c.req.url);
  if (refused !== null) return problem(c, refused);
  // Who signs in has no key yet that could end while the body comes.
  c.set("reauthorize", async () => null);
  const body = await readMembers(c);
  if (!body.ok) return problem(c, body.error);
  const checked = check(sessionBody, body.value);
  if (!checked.ok) return problem(c, invalidRequest(checked.error));
  const { key } = checked.value;
  const access = await authorize(c, deps, { required: SCOPES, key });
  if (!access.ok) return problem(c, access.error);
  const { untilMs } = await beginSession(c, deps, key);
  return c.json(rendered(access.value, endOf(access.value, untilMs)), 201);
}
