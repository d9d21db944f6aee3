/** `/v1/audit`: who changed what, and how a change says so. */
import { Hono, type Context } from "hono";
import { ID_RANDOM_BYTES, isAuditId, timeOrderedId } from "../core/ids.ts";
import type { Members } from "../core/json-value.ts";
import { timestamp } from "../core/timestamp.ts";
import { type AuditAction, type AuditEntry, type AuditNote } from "../ports.ts";
import { requires } from "./auth.ts";
import { auditQuery } from "./contract/audit.ts";
import type { Draw, HttpDeps, HttpEnv } from "./deps.ts";
import { problem } from "./problem.ts";
import { nextCursor, placeOf, readQuery, spanOf } from "./query.ts";

/** Members that tell of an answer, of counting or of use, and not of what was set. */
const UNNOTED = [
  "version",
  "created_at",
  "updated_at",
  "effective_at",
  "last_used_at",
  "unreadable",
  "effective",
  "subscriptions",
  "keys",
];

/** A document as the audit keeps it. What an answer shows has no secret in it; null where there was, or is, nothing. */
const noted = (shown: Members | null): string | null =>
  shown && JSON.stringify(Object.fromEntries(Object.entries(shown).filter(([name]) => !UNNOTED.includes(name))));

/** Who makes a change and when: drawn once, however often the change is tried. */
export function auditMark(c: Context<HttpEnv>, { now, random }: Draw) {
  const id = `aud_${timeOrderedId(now, random.bytes(ID_RANDOM_BYTES))}`;
  return { id, atMs: now, actor: c.var.access.actor, requestId: c.var.requestId };
}

/** The note of a change. `before` and `after` are documents as answers show them, and hold no secret. */
export const auditNote = (
  mark: ReturnType<typeof auditMark>,
  change: { readonly action: AuditAction; readonly before: Members | null; readonly after: Members | null },
): AuditNote => ({ ...mark, action: change.action, before: noted(change.before), after: noted(change.after) });

function rendered({ id, bus, atMs, actor, requestId, action, target, before, after }: AuditEntry) {
  return {
    id,
    bus,
    at: timestamp(atMs),
    actor,
    request_id: requestId,
    action,
    target,
    before: documentIn(before),
    after: documentIn(after),
  };
}

const documentIn = (text: string | null): unknown => (text === null ? null : JSON.parse(text));

export const audit = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>().get("/", requires(deps, ["manage"], { readsQuery: true }), async (c) => {
    const query = readQuery(c.req.url, auditQuery);
    if (!query.ok) return problem(c, query.error);
    const { limit, cursor, since, until, ...others } = query.value;
    const place = placeOf(cursor, isAuditId);
    if (!place.ok) return problem(c, place.error);
    const filters = { ...others, ...spanOf({ since, until }) };
    const { rows, next } = await deps.audit.list(c.var.access.bus, filters, { limit, before: place.value });
    return c.json({ data: rows.map(rendered), next_cursor: nextCursor("audit", next) });
  });
