/** What `fantail.yaml` asks for: its buses, subscriptions and keys, checked, with the environment filled in. */
import { FORMATS, type Wanted } from "../../core/subscription.ts";
import { isMembers, type Members } from "../../core/json-value.ts";
import { LOG_LEVELS } from "../../core/bus.ts";
import {
  BUS_BYTES_MIN,
  EVENT_BYTES_MAX,
  KEY_ORIGIN_CHARS_MAX,
  KEY_ORIGINS_MAX,
  KEY_TYPE_CHARS_MAX,
  KEY_TYPES_MAX,
  PACE_CONCURRENCY_MAX,
  PACE_LIMIT_MAX,
  PACE_PERIOD_SECONDS_MAX,
  REQUEST_BYTES_MAX,
  RETENTION_DAYS_MAX,
  RETENTION_DAYS_MIN,
  RETRY_DELAY_SECONDS_MAX,
  RETRY_PERMANENT_MAX,
  RETRY_SCHEDULE_MAX,
  SINK_CHARS_MAX,
  TIMEOUT_MS_MAX,
  TIMEOUT_MS_MIN,
} from "../../core/limits.ts";
import { parseWanted } from "../../core/filters/read-filters.ts";
import { parseSecret } from "../../core/signature.ts";
import { checkSinkHeaders } from "../../core/sink.ts";
import { parseTimestamp } from "../../core/timestamp.ts";
import { TIME, UNKNOWN } from "../../core/words.ts";
import { usage } from "../failure.ts";
import { integer, judged, listOf, members, oneOf, text, type Check } from "./checks.ts";
import { fill } from "./environment.ts";
import { faultLines, type Fault, type Outline, type Written } from "./outline.ts";

/** A thing that is asked for. */
export interface WantedThing {
  readonly name: string;
  /** As the API takes them, without `name`. */
  readonly members: Members;
  /** Members that hold something of the environment: their values are never shown. */
  readonly secret: ReadonlySet<string>;
}

export interface WantedBus {
  /** Null: that of the configuration. */
  readonly name: string | null;
  readonly settings: Members;
  /** Null: the file says nothing of them, so they are left alone. */
  readonly subscriptions: readonly WantedThing[] | null;
  readonly keys: readonly WantedThing[] | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

const SCOPES = ["publish", "read", "manage"];
const TYPE_AND_FILTERS = ["types", "source", "filters"] as const;

const sink: Check = (value, path) => {
  const [fault] = text(SINK_CHARS_MAX)(value, path);
  if (fault !== undefined) return [fault];
  return URL.canParse(String(value)) ? [] : [{ path, words: "must be an absolute URL" }];
};
const secret: Check = (value, path) => {
  const parsed = typeof value === "string" ? parseSecret(value) : null;
  if (parsed === null) return [{ path, words: "must be a string" }];
  return parsed.ok ? [] : [{ path, words: parsed.error }];
};
const headers = judged((value) => {
  const checked = checkSinkHeaders(value, "");
  return checked.ok ? [] : checked.error;
});
const time: Check = (value, path) =>
  typeof value === "string" && parseTimestamp(value) !== null ? [] : [{ path, words: TIME }];

const SUBSCRIPTION = {
  sink,
  headers,
  format: oneOf(FORMATS),
  timeout_ms: integer(TIMEOUT_MS_MIN, TIMEOUT_MS_MAX),
  retry: members({
    schedule_s: listOf(integer(1, RETRY_DELAY_SECONDS_MAX), RETRY_SCHEDULE_MAX),
    permanent: listOf(integer(400, 599), RETRY_PERMANENT_MAX),
  }),
  rate: members({ limit: integer(1, PACE_LIMIT_MAX), period_s: integer(1, PACE_PERIOD_SECONDS_MAX) }, [
    "limit",
    "period_s",
  ]),
  concurrency: integer(1, PACE_CONCURRENCY_MAX),
  status: oneOf(["active", "paused"]),
  secret,
  // These three are judged together.
  types: () => [],
  source: () => [],
  filters: () => [],
} satisfies Readonly<Record<string, Check>>;

const KEY = {
  scopes: listOf(oneOf(SCOPES), SCOPES.length),
  types: listOf(text(KEY_TYPE_CHARS_MAX), KEY_TYPES_MAX),
  allowed_origins: listOf(text(KEY_ORIGIN_CHARS_MAX), KEY_ORIGINS_MAX),
  rate_limit: oneOf(["low", "standard", "high"]),
  expires_at: time,
} satisfies Readonly<Record<string, Check>>;

const BUS = {
  retention_days: integer(RETENTION_DAYS_MIN, RETENTION_DAYS_MAX),
  log_level: oneOf(LOG_LEVELS),
  event_bytes_max: integer(BUS_BYTES_MIN, EVENT_BYTES_MAX),
  request_bytes_max: integer(BUS_BYTES_MIN, REQUEST_BYTES_MAX),
} satisfies Readonly<Record<string, Check>>;

/** All that the file asks for. @throws Failure with a line for each fault, and for each variable that is not set. */
export function wantedBuses({ buses, at }: Outline, env: Environment): readonly WantedBus[] {
  const faults: Fault[] = [];
  const things = (written: ReadonlyMap<string, Written> | null, check: Check) =>
    written === null ? null : [...written.values()].map((one) => wantedThing(one, { check, env, faults }));
  const wanted = buses.map((bus) => {
    faults.push(...members(BUS)(bus.settings, bus.path));
    return {
      name: bus.name,
      settings: bus.settings,
      subscriptions: things(bus.subscriptions, subscriptionCheck),
      keys: things(bus.keys, members(KEY, ["scopes"])),
    };
  });
  if (faults.length > 0) throw usage(faultLines(faults, at));
  return wanted;
}

const subscriptionCheck: Check = (value, path) => [
  ...members(SUBSCRIPTION, ["sink"])(value, path),
  ...judged((one) => {
    const wanted = parseWanted(isMembers(one) ? one : {});
    return wanted.ok ? [] : wanted.error;
  })(value, path),
];

interface Reading {
  readonly check: Check;
  readonly env: Environment;
  readonly faults: Fault[];
}

function wantedThing({ name, members: written, path }: Written, { check, env, faults }: Reading): WantedThing {
  const missing = faults.length;
  const filled = Object.entries(written).map(
    ([member, value]) => [member, fill(value, { path: [...path, member], env, faults })] as const,
  );
  const values = Object.fromEntries(filled.map(([member, { value }]) => [member, value]));
  // A value that is not there cannot be judged.
  if (faults.length === missing) faults.push(...check(values, path));
  return {
    name,
    members: values,
    secret: new Set(
      filled.filter(([member, { isSecret }]) => isSecret || member === "secret").map(([member]) => member),
    ),
  };
}

/** Which events each subscription of the file takes, by bus and name: all that a test of filters needs. */
export function wantedFilters(
  { buses, at }: Outline,
  env: Environment,
): ReadonlyMap<string | null, ReadonlyMap<string, Wanted>> {
  const faults: Fault[] = [];
  const found = buses.map((bus) => {
    const wanted = [...(bus.subscriptions?.values() ?? [])].flatMap((one) => {
      const parsed = wantedOf(one, env, faults);
      return parsed === null ? [] : [[one.name, parsed] as const];
    });
    return [bus.name, new Map(wanted)] as const;
  });
  if (faults.length > 0) throw usage(faultLines(faults, at));
  return new Map(found);
}

function wantedOf({ members: written, path }: Written, env: Environment, faults: Fault[]): Wanted | null {
  const unknown = Object.keys(written).filter((name) => !Object.hasOwn(SUBSCRIPTION, name));
  faults.push(...unknown.map((name): Fault => ({ path: [...path, name], words: UNKNOWN })));
  const before = faults.length;
  const entries = TYPE_AND_FILTERS.map(
    (name) => [name, fill(written[name] ?? null, { path: [...path, name], env, faults }).value] as const,
  );
  if (faults.length > before) return null;
  const parsed = parseWanted(Object.fromEntries(entries));
  if (parsed.ok) return parsed.value;
  faults.push(...judged(() => parsed.error)(null, path));
  return null;
}
