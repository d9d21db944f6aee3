/** `/v1/keys`: keys of a bus. A key is shown once, in the answer that makes it, and grants nothing that its maker may not do. */
import { Hono } from "hono";
import * as z from "zod";
import { API_KEY_RANDOM_BYTES, hashApiKey, makeApiKey } from "../core/api-key.ts";
import { encodeCursor } from "../core/cursor.ts";
import { ID_RANDOM_BYTES, isKeyId, timeOrderedId } from "../core/ids.ts";
import { EFFECTIVE_MS, KEYS_PER_BUS_MAX } from "../core/limits.ts";
import { refusal } from "../core/problem.ts";
import { SCOPES, type Key } from "../ports.ts";
import { requires } from "./auth.ts";
import { readMembers } from "./body.ts";
import { refuses } from "./conditions.ts";
import { keyQuery } from "./contract/keys.ts";
import { nameMember } from "./contract/parts.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";
import { placeOf, readQuery } from "./query.ts";
import { check, invalidRequest } from "./schema.ts";

const keyBody = z.strictObject({
  name: nameMember,
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
});

const rendered = (key: Key) => ({
  id: key.id,
  bus: key.bus,
  name: key.name,
  scopes: key.scopes,
  created_at: new Date(key.createdMs).toISOString(),
  version: key.version,
});

export const keys = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>()
    .post("/", requires(deps, ["manage"]), refuses("idempotency-key"), async (c) => {
      const { bus, scopes: own } = c.var.access;
      const body = await readMembers(c.req.raw);
      if (!body.ok) return problem(c, body.error);
      const checked = check(keyBody, body.value);
      if (!checked.ok) return problem(c, invalidRequest(checked.error));
      const scopes = SCOPES.filter((scope) => checked.value.scopes.includes(scope));
      const more = scopes.filter((scope) => !own.includes(scope));
      if (more.length > 0)
        return problem(c, refusal("forbidden", `A key cannot grant what it has not: ${more.join(", ")}`));

      const random = deps.random.bytes(API_KEY_RANDOM_BYTES);
      const key = await makeApiKey({ bus, random, checkKeys: await deps.auth.checkKeys() });
      const now = deps.clock.now();
      c.set("isMaking", true);
      const stored = await deps.keys.create({
        id: `key_${timeOrderedId(now, deps.random.bytes(ID_RANDOM_BYTES))}`,
        hash: await hashApiKey(key),
        bus,
        name: checked.value.name,
        scopes,
        createdMs: now,
      });
      if (stored === "limit-reached")
        return problem(c, refusal("limit-reached", `The bus has ${KEYS_PER_BUS_MAX} keys, the limit`));
      const { id, hash, version } = stored;
      deps.routes.applied({ kind: "key", version, bus, id, grant: { id, hash, scopes } });
      const effective_at = new Date(deps.clock.now() + EFFECTIVE_MS).toISOString();
      const headers = { etag: `"${version}"`, location: `/v1/keys/${id}` };
      return c.json({ ...rendered(stored), effective_at, key }, 201, headers);
    })
    .get("/", requires(deps, ["manage"]), async (c) => {
      const query = readQuery(c.req.url, keyQuery);
      if (!query.ok) return problem(c, query.error);
      const place = placeOf(query.value.cursor, isKeyId);
      if (!place.ok) return problem(c, place.error);
      const { limit } = query.value;
      const { rows, next } = await deps.keys.list(c.var.access.bus, { limit, before: place.value });
      return c.json({ data: rows.map(rendered), next_cursor: next === null ? null : encodeCursor("keys", [next]) });
    })
    .delete("/:id", requires(deps, ["manage"]), refuses("if-match"), async (c) => {
      const { bus } = c.var.access;
      const id = c.req.param("id");
      const version = isKeyId(id) ? await deps.keys.revoke(bus, id, deps.clock.now()) : null;
      if (version === null) return problem(c, refusal("not-found", "There is no such key"));
      deps.routes.applied({ kind: "key", version, bus, id, grant: null });
      return c.body(null, 204);
    });
