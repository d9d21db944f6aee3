/** `/v1/filters`: trying what a subscription would take, and taking over what other services call a filter. Nothing here changes anything. */
import { Hono, type Context } from "hono";
import { backtest, type Hits, isBacktestMark } from "../backtest.ts";
import { decodeMember } from "../core/cloudevents/request.ts";
import { memberOutline, memberSpan } from "../core/cloudevents/json-text.ts";
import { eventForm } from "../core/event-form.ts";
import { explain } from "../core/filters/explain.ts";
import { EventView } from "../core/filters/view.ts";
import { parseWanted } from "../core/filters/read-filters.ts";
import { ID_RANDOM_BYTES, isSeq, timeOrderedId } from "../core/ids.ts";
import { importFilters } from "../core/import/import-filters.ts";
import { exactness } from "../core/inexact.ts";
import { FILTER_TEST_BYTES_MAX, JSON_DEPTH_MAX } from "../core/limits.ts";
import { refusalOfFaults, type Fault } from "../core/problem.ts";
import { CURSOR_WORDS } from "../core/cursor.ts";
import { faultAt, memberName } from "../core/words.ts";
import { requires } from "./auth.ts";
import { ANY_OBJECT, readObject } from "./body.ts";
import { backtestMembers, filterImport, filterOrigin, filterTestMembers } from "./contract/filters.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { renderedEvent } from "./event-summary.ts";
import { renderedExplanation } from "./explanation.ts";
import { merged, namedAs } from "./merge-patch.ts";
import { problem } from "./problem.ts";
import { nextCursor, partsOf } from "./query.ts";
import { check, invalidRequest } from "./schema.ts";

export const filters = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>()
    .post("/test", requires(deps, ["read", "manage"]), (c) => test(c, deps))
    .post("/backtest", requires(deps, ["read"]), (c) => tryOnRecord(c, deps))
    .post("/import", requires(deps, ["read", "manage"]), (c) => importAny(c));

const EVENT = "/event";
const EVENT_DATA = memberOutline("event", memberSpan("data"));

async function test(c: Context<HttpEnv>, { clock, random }: HttpDeps): Promise<Response> {
  // The object around the event is a level of its own.
  const expected = { bytesMax: FILTER_TEST_BYTES_MAX, depthMax: JSON_DEPTH_MAX + 1, outlineOf: EVENT_DATA };
  const body = await readObject(c, expected);
  if (!body.ok) return problem(c, body.error);
  const { text, outline } = body.value;
  const members = merged({}, body.value.members, namedAs(filterTestMembers.shape));
  const { event: value } = members;
  const known = check(filterTestMembers, members);
  const wanted = parseWanted(members, exactness(text));
  const now = clock.now();
  const decoded =
    value === undefined
      ? null
      : decodeMember(
          { value, text, outline, pointer: EVENT },
          {
            bus: c.var.access.bus,
            idempotencyKey: null,
            freshId: timeOrderedId(now, random.bytes(ID_RANDOM_BYTES)),
            now,
          },
        );
  const faults = [known, wanted].flatMap((one) => (one.ok ? [] : one.error));
  const ofEvent = decoded === null || decoded.ok ? [] : (decoded.error.errors ?? []).map(inBody);
  if (!wanted.ok || decoded === null || faults.length > 0) return problem(c, invalidRequest([...faults, ...ofEvent]));
  if (!decoded.ok)
    return problem(c, ofEvent.length === 0 ? decoded.error : refusalOfFaults(decoded.error.slug, ofEvent));
  return c.json(renderedExplanation(explain(wanted.value, new EventView(eventForm(decoded.value)))));
}

/** A fault of the event in the words of faults of the body around it: the name of a member begins at the top of that. */
function inBody({ pointer, detail }: Fault): Fault {
  const name = memberName(pointer);
  const inside = pointer === EVENT ? "The event" : name.slice(memberName(EVENT).length + 1);
  return { pointer, detail: detail.startsWith(`${inside} `) ? name + detail.slice(inside.length) : detail };
}

async function tryOnRecord(c: Context<HttpEnv>, deps: HttpDeps): Promise<Response> {
  const body = await readObject(c, ANY_OBJECT);
  if (!body.ok) return problem(c, body.error);
  const members = merged({}, body.value.members, namedAs(backtestMembers.shape));
  const checked = check(backtestMembers, members);
  const wanted = parseWanted(members, exactness(body.value.text));
  if (!checked.ok || !wanted.ok)
    return problem(c, invalidRequest([checked, wanted].flatMap((one) => (one.ok ? [] : one.error))));
  const { subscription_id: subscriptionId = null, since = null, until = null, limit, cursor } = checked.value;
  const place = partsOf(cursor, [isSeq, isBacktestMark]);
  if (!place.ok) return problem(c, invalidRequest([faultAt("/cursor", CURSOR_WORDS)]));
  const [seq = "", mark = ""] = place.value ?? [];
  const page = await backtest(deps, {
    bus: c.var.access.bus,
    wanted: wanted.value,
    subscriptionId,
    sinceMs: since,
    untilMs: until,
    limit,
    cursor: place.value === null ? null : [seq, mark],
  });
  if (!page.ok) return problem(c, invalidRequest(page.error));
  const { examined, skipped, matched, difference, next } = page.value;
  return c.json({
    examined,
    skipped,
    matched: matched.count,
    sample: matched.sample.map(renderedEvent),
    difference: difference && {
      subscription_id: subscriptionId,
      gained: renderedHits(difference.gained),
      lost: renderedHits(difference.lost),
    },
    next_cursor: nextCursor("backtest", next),
  });
}

const renderedHits = ({ count, sample }: Hits) => ({ count, sample: sample.map(renderedEvent) });

const IMPORT_NAMES = namedAs(Object.fromEntries(filterImport.options.flatMap(({ shape }) => Object.entries(shape))));

/** The member that holds what is translated. */
const DOCUMENTS = { eventbridge: "/rule", sns: "/policy", eventgrid: "/filter" } as const;

async function importAny(c: Context<HttpEnv>): Promise<Response> {
  const body = await readObject(c, ANY_OBJECT);
  if (!body.ok) return problem(c, body.error);
  const members = merged({}, body.value.members, IMPORT_NAMES);
  const origin = check(filterOrigin, members);
  if (!origin.ok) return problem(c, invalidRequest(origin.error));
  const request = check(filterImport, members);
  if (!request.ok) return problem(c, invalidRequest(request.error));
  const imported = importFilters(request.value, exactness(body.value.text));
  if (!imported.ok) return problem(c, invalidRequest(imported.error));
  const wanted = parseWanted(imported.value);
  if (!wanted.ok) return problem(c, invalidRequest(ofResult(wanted.error, DOCUMENTS[request.value.from])));
  return c.json({ ...wanted.value, notes: imported.value.notes });
}

/** How large all of it may be together is seen only in what was made of the document. */
const ofResult = (faults: readonly Fault[], pointer: string): readonly Fault[] =>
  faults.map(({ detail }) => ({ pointer, detail: `In what ${memberName(pointer)} would be here, ${detail}` }));
