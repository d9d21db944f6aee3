/** `/v1/buses`: making, setting and deleting buses, for the root key; a bus is shown to its own keys as well. */
import { Hono, type Context } from "hono";
import { DEFAULT_BUS_SETTINGS, type BusSettings } from "../core/bus.ts";
import { isBusName } from "../core/ids.ts";
import type { Members } from "../core/json-value.ts";
import { BUS_NAME_REST_MS, BUSES_MAX } from "../core/limits.ts";
import { OPERATOR_BUS } from "../core/notice.ts";
import { refusal } from "../core/problem.ts";
import { err, ok, type Result } from "../core/result.ts";
import { BUS_NAME } from "../core/words.ts";
import type { Bus } from "../ports.ts";
import { auditMark, auditNote } from "./audit.ts";
import { BUS_DEFAULT, requires } from "./auth.ts";
import { readMembers, readMembersIfAny } from "./body.ts";
import {
  BUS_MEMBERS,
  BUS_SHOWN,
  changeOfBus,
  documentOf,
  effectiveOf,
  readSettings,
  renderedBus,
  sameSettings,
} from "./bus-document.ts";
import { changed } from "./change.ts";
import { answered, etagOf, preconditionOf } from "./conditions.ts";
import { busQuery } from "./contract/buses.ts";
import type { HttpDeps, HttpEnv } from "./deps.ts";
import { drawOf } from "./idempotency.ts";
import { merged, PATCH_TYPES, withoutRepeated } from "./merge-patch.ts";
import { problem } from "./problem.ts";
import { nextCursor, placeOf, readQuery } from "./query.ts";
import { invalidRequest } from "./schema.ts";

export const buses = (deps: HttpDeps): Hono<HttpEnv> =>
  new Hono<HttpEnv>()
    .get("/", requires(deps, "root", { readsQuery: true }), async (c) => {
      const query = readQuery(c.req.url, busQuery);
      if (!query.ok) return problem(c, query.error);
      const place = placeOf(query.value.cursor, isBusName);
      if (!place.ok) return problem(c, place.error);
      const { rows, next } = await deps.buses.list({ limit: query.value.limit, after: place.value });
      const data = rows.map((row) => renderedBus(row, row.updatedMs));
      return c.json({ data, next_cursor: nextCursor("buses", next) });
    })
    .get("/:bus", requires(deps, ["read", "manage"]), async (c) => {
      const name = c.req.param("bus");
      const { grant, bus } = c.var.access;
      if (grant !== null && bus !== name) return problem(c, refusal("forbidden", "The key belongs to another bus"));
      const found = await find(deps, name);
      if (found === null) return problem(c, missing(name));
      return answered(c, found, { noun: "bus", shown: await shownWhole(deps, found), isVersioned: false });
    })
    .put("/:bus", requires(deps, "root"), (c) => put(c, deps, c.req.param("bus")))
    .patch("/:bus", requires(deps, "root"), (c) => change(c, deps, c.req.param("bus")))
    .delete("/:bus", requires(deps, "root"), (c) => remove(c, deps, c.req.param("bus")));

async function find(deps: HttpDeps, name: string): Promise<Bus | null> {
  return isBusName(name) ? deps.buses.get(name) : null;
}

const missing = (name: string) =>
  refusal("bus-not-found", isBusName(name) ? `There is no bus ${name}` : "No bus is named so");

/** The bus with what applies to it. A change of it took effect at `committedMs`. */
async function shownWhole(deps: HttpDeps, bus: Bus, committedMs = bus.updatedMs) {
  const database = await deps.buses.database();
  const { deployment, clock } = deps;
  return {
    ...renderedBus(bus, committedMs),
    effective: effectiveOf(bus, { deployment, database, now: clock.now() }),
  };
}

/** Tells this isolate of a change, and answers with the bus as it is by then. */
async function shownChanged(c: Context<HttpEnv>, deps: HttpDeps, { bus, status }: { bus: Bus; status: 200 | 201 }) {
  deps.routes.applied(changeOfBus(bus));
  return c.json(await shownWhole(deps, bus, deps.clock.now()), status, etagOf(bus));
}

async function put(c: Context<HttpEnv>, deps: HttpDeps, name: string): Promise<Response> {
  if (!isBusName(name)) return problem(c, refusal("invalid-request", `bus ${BUS_NAME}`));
  const body = await readMembersIfAny(c);
  if (!body.ok) return problem(c, body.error);
  const precondition = preconditionOf(c);
  if (!precondition.ok) return problem(c, precondition.error);
  const store = changing(c, deps, name);
  return changed(c, {
    noun: "bus",
    find: () => find(deps, name),
    absent: async () => {
      if (precondition.value.match !== null) return problem(c, refusal("version-mismatch", `There is no bus ${name}`));
      const settings =
        body.value === null ? ok(DEFAULT_BUS_SETTINGS) : readSettings(merged({}, body.value, BUS_MEMBERS));
      return settings.ok ? store.create(settings.value) : problem(c, invalidRequest(settings.error));
    },
    apply: async (current) => {
      if (body.value === null) return c.json(await shownWhole(deps, current), 200, etagOf(current));
      const settings = settingsAfter(current, body.value, {});
      return settings.ok ? store.replace(current, settings.value) : problem(c, invalidRequest(settings.error));
    },
  });
}

async function change(c: Context<HttpEnv>, deps: HttpDeps, name: string): Promise<Response> {
  const patch = await readMembers(c, PATCH_TYPES);
  if (!patch.ok) return problem(c, patch.error);
  const store = changing(c, deps, name);
  return changed(c, {
    noun: "bus",
    find: () => find(deps, name),
    absent: async () => problem(c, missing(name)),
    apply: async (current) => {
      const settings = settingsAfter(current, patch.value, documentOf(current.settings));
      return settings.ok ? store.replace(current, settings.value) : problem(c, invalidRequest(settings.error));
    },
  });
}

/** The settings that `members` make of `target`, without what they repeat of an answer. */
function settingsAfter(
  current: Bus,
  members: Members,
  target: Members,
): Result<BusSettings, ReturnType<typeof withoutRepeated>["faults"]> {
  const { changes, faults } = withoutRepeated(members, renderedBus(current, current.updatedMs), BUS_SHOWN);
  const settings = readSettings(merged(target, changes, BUS_MEMBERS));
  if (settings.ok && faults.length === 0) return settings;
  return err([...faults, ...(settings.ok ? [] : settings.error)]);
}

/** The steps that store something; each answers null when others were faster. */
function changing(c: Context<HttpEnv>, deps: HttpDeps, name: string) {
  const draw = drawOf(c, deps);
  const { now } = draw;
  const mark = auditMark(c, draw);
  const noted = (settings: BusSettings) => ({ bus: name, ...documentOf(settings) });
  return {
    async create(settings: BusSettings): Promise<Response | null> {
      const note = auditNote(mark, { action: "bus.created", before: null, after: noted(settings) });
      const stored = await deps.buses.create(name, { settings, now, note });
      if (stored === "limit-reached")
        return problem(c, refusal("limit-reached", `There are ${BUSES_MAX} buses, the limit`));
      if (stored === "being-deleted")
        return problem(
          c,
          refusal(
            "bus-being-deleted",
            `A bus ${name} was deleted less than ${BUS_NAME_REST_MS / 60_000} minutes ago, or what it had is not all removed yet`,
          ),
        );
      return stored.created ? shownChanged(c, deps, { bus: stored.bus, status: 201 }) : null;
    },

    async replace(current: Bus, settings: BusSettings): Promise<Response | null> {
      if (sameSettings(current.settings, settings))
        return c.json(await shownWhole(deps, current), 200, etagOf(current));
      const [before, after] = [noted(current.settings), noted(settings)];
      const note = auditNote(mark, { action: "bus.changed", before, after });
      const stored = await deps.buses.replace(name, { settings, expected: current.version, now, note });
      return stored && shownChanged(c, deps, { bus: stored, status: 200 });
    },

    async delete(current: Bus): Promise<Response | null> {
      const note = auditNote(mark, { action: "bus.deleted", before: noted(current.settings), after: null });
      const version = await deps.buses.delete(name, { expected: current.version, now, note });
      if (version === null) return null;
      deps.routes.applied({ kind: "bus", version, bus: name, createdMs: current.createdMs, settings: null });
      return c.body(null, 204);
    },
  };
}

async function remove(c: Context<HttpEnv>, deps: HttpDeps, name: string): Promise<Response> {
  if (name === BUS_DEFAULT || name === OPERATOR_BUS)
    return problem(c, refusal("forbidden", `The bus ${name} cannot be deleted`));
  const store = changing(c, deps, name);
  return changed(c, {
    noun: "bus",
    find: () => find(deps, name),
    absent: async () => problem(c, missing(name)),
    apply: (current) => store.delete(current),
  });
}
