/** A subscription as it is typed: how the fields are filled, read, and compared with what is saved. Pure. */
import type { Subscription, SubscriptionCreate, SubscriptionPatch } from "../../client/index.ts";
import {
  NAME_CHARS_MAX,
  PACE_CONCURRENCY_MAX,
  PACE_PER_SECOND_MAX,
  PACE_PERIOD_SECONDS_MAX,
  RETRY_DELAY_SECONDS_MAX,
  RETRY_PERMANENT_DEFAULT,
  RETRY_PERMANENT_MAX,
  RETRY_SCHEDULE_MAX,
  RETRY_SCHEDULE_SECONDS_DEFAULT,
  TIMEOUT_MS_DEFAULT,
  TIMEOUT_MS_MAX,
  TIMEOUT_MS_MIN,
} from "../../core/limits.ts";
import type { Fault } from "../../core/problem.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { parseSecret } from "../../core/signature.ts";
import { checkSink, checkSinkHeaders } from "../../core/sink.ts";
import type { Format } from "../../core/subscription.ts";
import { atMost, faultAt, GIVEN_ONCE, integerFault, integerOf, REQUIRED } from "../../core/words.ts";
import { durationOf, secondsOf } from "./durations.ts";
import { readWanted, type Wanted, type WantedDraft } from "./wanted.ts";

export interface HeaderDraft {
  /** Of this row, whatever is typed into it. */
  readonly key: number;
  readonly name: string;
  /** Empty in one that is kept: as it is. */
  readonly value: string;
  /** It is saved, and nobody is shown its value. */
  readonly isKept: boolean;
}

/** All fields, as texts. */
export interface Draft extends WantedDraft {
  readonly name: string;
  readonly sink: string;
  readonly format: Format;
  /** Of a new one. */
  readonly status: "active" | "paused";
  readonly timeout: string;
  /** Durations with commas between. */
  readonly schedule: string;
  readonly permanent: string;
  readonly headers: readonly HeaderDraft[];
  /** Both empty: no limit. */
  readonly rateLimit: string;
  readonly ratePeriod: string;
  readonly concurrency: string;
  /** Empty: the router makes one, or it stays as it is. */
  readonly secret: string;
}

/** What a draft says, in the members of the API. A header that is kept has `HIDDEN` for its value. */
export interface Settings extends Wanted {
  readonly name: string | null;
  readonly sink: string;
  readonly format: Format;
  readonly timeout_ms: number;
  readonly retry: { readonly schedule_s: readonly number[]; readonly permanent: readonly number[] };
  readonly rate: { readonly limit: number; readonly period_s: number } | null;
  readonly concurrency: number | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** One member that is not as it is saved. */
export interface Change {
  readonly member: keyof Settings;
  readonly before: unknown;
  readonly after: unknown;
}

const HIDDEN = "…";
/** A value of a header that stands for one that is kept, where its name is checked. */
const SOME_VALUE = "kept";

export const EMPTY_DRAFT: Draft = {
  name: "",
  sink: "",
  types: "",
  source: "",
  filters: "",
  format: "structured",
  status: "active",
  timeout: String(TIMEOUT_MS_DEFAULT),
  schedule: RETRY_SCHEDULE_SECONDS_DEFAULT.map(durationOf).join(", "),
  permanent: RETRY_PERMANENT_DEFAULT.join(", "),
  headers: [],
  rateLimit: "",
  ratePeriod: "",
  concurrency: "",
  secret: "",
};

/** The fields of one that is saved. */
export const draftOf = (saved: Subscription): Draft => ({
  name: saved.name ?? "",
  sink: saved.sink,
  types: (saved.types ?? []).join("\n"),
  source: saved.source ?? "",
  filters: saved.filters.length === 0 ? "" : JSON.stringify(saved.filters, null, 2),
  format: saved.format,
  status: "active",
  timeout: String(saved.timeout_ms),
  schedule: saved.retry.schedule_s.map(durationOf).join(", "),
  permanent: saved.retry.permanent.join(", "),
  headers: Object.keys(saved.headers ?? {}).map((name, key) => ({ key, name, value: "", isKept: true })),
  rateLimit: saved.rate === null ? "" : String(saved.rate.limit),
  ratePeriod: saved.rate === null ? "" : durationOf(saved.rate.period_s),
  concurrency: saved.concurrency === null ? "" : String(saved.concurrency),
  secret: "",
});

const settingsOf = (saved: Subscription): Settings => ({
  name: saved.name,
  sink: saved.sink,
  types: saved.types === null || saved.types.length === 0 ? null : saved.types,
  source: saved.source,
  filters: saved.filters,
  format: saved.format,
  timeout_ms: saved.timeout_ms,
  retry: saved.retry,
  rate: saved.rate,
  concurrency: saved.concurrency,
  headers: saved.headers ?? {},
});

/** What the draft says, or all that is wrong with it. The router may refuse more: it alone knows which sinks it calls. */
export function readDraft(draft: Draft): Result<Settings, readonly Fault[]> {
  const faults: Fault[] = [];
  const wanted = readWanted(draft);
  if (!wanted.ok) faults.push(...wanted.error);
  const name = draft.name.trim();
  if (name.length > NAME_CHARS_MAX) faults.push(faultAt("/name", atMost(NAME_CHARS_MAX, "characters")));
  const settings = {
    name: name === "" ? null : name,
    sink: readSink(draft.sink.trim(), faults),
    format: draft.format,
    timeout_ms: readInteger(draft.timeout, "/timeout_ms", { min: TIMEOUT_MS_MIN, max: TIMEOUT_MS_MAX }, faults),
    retry: { schedule_s: readSchedule(draft.schedule, faults), permanent: readPermanent(draft.permanent, faults) },
    rate: readRate(draft, faults),
    concurrency:
      draft.concurrency.trim() === ""
        ? null
        : readInteger(draft.concurrency, "/concurrency", { min: 1, max: PACE_CONCURRENCY_MAX }, faults),
    headers: readHeaders(draft.headers, faults),
  };
  const secret = draft.secret.trim() === "" ? null : parseSecret(draft.secret.trim());
  if (secret !== null && !secret.ok) faults.push(faultAt("/secret", secret.error));
  return wanted.ok && faults.length === 0 ? ok({ ...settings, ...wanted.value }) : err(faults);
}

/** Local sinks pass here: whether this router calls them is its own business. */
function readSink(sink: string, faults: Fault[]): string {
  const checked = sink === "" ? err(REQUIRED) : checkSink(sink, { allowInsecure: true, publicHost: null });
  if (checked.ok) return checked.value;
  faults.push(faultAt("/sink", checked.error));
  return sink;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

function readInteger(text: string, pointer: string, bounds: Bounds, faults: Fault[]): number {
  return checkedInteger(integerOf(text.trim()), pointer, bounds, faults);
}

function checkedInteger(value: number, pointer: string, bounds: Bounds, faults: Fault[]): number {
  const words = integerFault(value, bounds);
  if (words !== null) faults.push(faultAt(pointer, words));
  return value;
}

const partsOf = (text: string): readonly string[] => text.split(/[\s,]+/).filter((part) => part !== "");

function readSchedule(text: string, faults: Fault[]): readonly number[] {
  const pointer = "/retry/schedule_s";
  const parts = partsOf(text);
  if (parts.length > RETRY_SCHEDULE_MAX) faults.push(faultAt(pointer, atMost(RETRY_SCHEDULE_MAX, "entries")));
  return parts.map((part) => {
    const seconds = secondsOf(part);
    if (Number.isNaN(seconds)) {
      faults.push({ pointer, detail: `${part} is no duration: write 30s, 5m or 2h` });
      return seconds;
    }
    return checkedInteger(seconds, pointer, { min: 1, max: RETRY_DELAY_SECONDS_MAX }, faults);
  });
}

function readPermanent(text: string, faults: Fault[]): readonly number[] {
  const pointer = "/retry/permanent";
  const parts = partsOf(text);
  if (parts.length > RETRY_PERMANENT_MAX) faults.push(faultAt(pointer, atMost(RETRY_PERMANENT_MAX, "entries")));
  return parts.map((part) => readInteger(part, pointer, { min: 400, max: 599 }, faults));
}

function readRate({ rateLimit, ratePeriod }: Draft, faults: Fault[]): Settings["rate"] {
  if (rateLimit.trim() === "" && ratePeriod.trim() === "") return null;
  const period = secondsOf(ratePeriod);
  const period_s = checkedInteger(period, "/rate/period_s", { min: 1, max: PACE_PERIOD_SECONDS_MAX }, faults);
  const max = PACE_PER_SECOND_MAX * (Number.isNaN(period) ? 1 : Math.max(1, period));
  return { limit: readInteger(rateLimit, "/rate/limit", { min: 1, max }, faults), period_s };
}

function readHeaders(rows: readonly HeaderDraft[], faults: Fault[]): Settings["headers"] {
  const names = rows.map(({ name }) => name.trim().toLowerCase());
  const twice = rows.filter((_, index) => names.indexOf(names[index] ?? "") < index);
  for (const { name } of twice) faults.push(faultAt(`/headers/${name.trim()}`, GIVEN_ONCE));
  const typed = rows.map(({ name, value, isKept }) => [name.trim(), isKept && value === "" ? SOME_VALUE : value]);
  const checked = checkSinkHeaders(Object.fromEntries(typed), "/headers");
  if (!checked.ok) faults.push(...checked.error);
  return Object.fromEntries(
    rows.map(({ name, value, isKept }) => [name.trim().toLowerCase(), isKept && value === "" ? HIDDEN : value]),
  );
}

/** What saving it would change, member by member. A secret that is typed is no member: nobody is shown the former. */
export function changesOf(saved: Subscription, next: Settings): readonly Change[] {
  const before = settingsOf(saved);
  const members: readonly (keyof Settings)[] = [
    "name",
    "sink",
    "types",
    "source",
    "filters",
    "format",
    "timeout_ms",
    "retry",
    "rate",
    "concurrency",
    "headers",
  ];
  return members
    .filter((member) => JSON.stringify(before[member]) !== JSON.stringify(next[member]))
    .map((member) => ({ member, before: before[member], after: next[member] }));
}

/** Whether other events would be taken. */
export const changesWanted = (changes: readonly Change[]): boolean =>
  changes.some(({ member }) => member === "types" || member === "source" || member === "filters");

/** The merge patch of what is not as it is saved. */
export function patchOf(saved: Subscription, next: Settings, secret: string): SubscriptionPatch {
  const gone = Object.keys(saved.headers ?? {}).filter((name) => !Object.hasOwn(next.headers, name));
  const headers = { ...next.headers, ...Object.fromEntries(gone.map((name) => [name, null])) };
  const changes = changesOf(saved, next).map(({ member, after }) => [member, member === "headers" ? headers : after]);
  return { ...Object.fromEntries(changes), ...(secret.trim() === "" ? {} : { secret: secret.trim() }) };
}

/** The request that makes it. */
export const creationOf = (settings: Settings, { status, secret }: Draft): SubscriptionCreate => ({
  ...settings,
  status,
  ...(secret.trim() === "" ? {} : { secret: secret.trim() }),
});
