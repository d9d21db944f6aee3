/** Tests of filters, as a user's CI runs them: read from YAML, held against the subscriptions of a file. Pure but for what is passed in. */
import { decodeLine } from "../core/cloudevents/request.ts";
import { eventForm } from "../core/event-form.ts";
import { explain, type Clause } from "../core/filters/explain.ts";
import { EventView } from "../core/filters/view.ts";
import { isList, isMembers, type Members } from "../core/json-value.ts";
import type { Wanted } from "../core/subscription.ts";
import type { Yaml } from "./documents.ts";
import { usage } from "./failure.ts";

/** One test: an event, and which subscriptions take it. */
export interface FilterTest {
  readonly name: string;
  /** `file:line:column:` */
  readonly place: string;
  /** Null: the only bus of the file. */
  readonly bus: string | null;
  /** In full or in the short form, as JSON. */
  readonly event: string;
  /** Take it: all that do, unless there is `expectNot`. Null: nothing is said of who takes it. */
  readonly expect: readonly string[] | null;
  /** Do not take it; then the test says nothing of subscriptions that it does not name. */
  readonly expectNot: readonly string[] | null;
}

/** What a subscription did against what the test says. */
export interface Miss {
  readonly subscription: string;
  readonly expected: boolean;
  /** Every condition, with what the event has for it. */
  readonly clauses: readonly Clause[];
}

export interface FilterTestResult {
  readonly name: string;
  readonly place: string;
  readonly takenBy: readonly string[];
  readonly misses: readonly Miss[];
}

/** Subscriptions of a file by bus and name; a file that names no bus has one, null. */
export type Buses = ReadonlyMap<string | null, ReadonlyMap<string, Wanted>>;

const MEMBERS = ["name", "bus", "event", "expect", "expect_not"];

/** @throws Failure with a line for each fault. */
export function readFilterTests({ value, at }: Yaml): readonly FilterTest[] {
  const list = isMembers(value) && isList(value["tests"]) ? value["tests"] : value;
  const above = list === value ? [] : ["tests"];
  if (!isList(list)) throw usage(`${at([])} The file must be a list of tests, or have one as tests`);
  const faults: string[] = [];
  const tests = list.flatMap((entry, index) => {
    const path = [...above, index];
    if (!isMembers(entry)) {
      faults.push(`${at(path)} A test must be an object of ${MEMBERS.join(", ")}`);
      return [];
    }
    const before = faults.length;
    const test = testOf(entry, { path, at, faults });
    return faults.length === before ? [test] : [];
  });
  if (faults.length > 0) throw usage(faults);
  return tests;
}

interface Place {
  readonly path: readonly (string | number)[];
  readonly at: Yaml["at"];
  readonly faults: string[];
}

function testOf(entry: Members, { path, at, faults }: Place): FilterTest {
  const wrong = (name: string, words: string) => void faults.push(`${at([...path, name])} ${name} ${words}`);
  for (const name of Object.keys(entry))
    if (!MEMBERS.includes(name)) wrong(name, `is not known, a test has ${MEMBERS.join(", ")}`);
  const { name, bus = null, event, expect = null, expect_not: expectNot = null } = entry;
  if (name !== undefined && typeof name !== "string") wrong("name", "must be a string");
  if (bus !== null && typeof bus !== "string") wrong("bus", "must be a string");
  if (!isMembers(event)) wrong("event", "must be an object");
  if (expect === null && expectNot === null) wrong("expect", "is required, or expect_not");
  const names = (value: unknown, member: string) => {
    if (value === null || (isList(value) && value.every((one) => typeof one === "string"))) return value;
    wrong(member, "must be a list of names of subscriptions");
    return null;
  };
  return {
    name: typeof name === "string" ? name : `test ${Number(path.at(-1)) + 1}`,
    place: at(path),
    bus: typeof bus === "string" ? bus : null,
    event: JSON.stringify(event),
    expect: names(expect, "expect"),
    expectNot: names(expectNot, "expect_not"),
  };
}

/** @throws Failure when the event is none, or a name is of no subscription: then the test says nothing. */
export function runFilterTest(test: FilterTest, buses: Buses, nowMs: number): FilterTestResult {
  const { name, place, expect, expectNot } = test;
  const [bus, subscriptions] = busOf(test, buses);
  const unknown = [...(expect ?? []), ...(expectNot ?? [])].find((one) => !subscriptions.has(one));
  if (unknown !== undefined) throw usage(`${place} ${name}: there is no subscription ${unknown} in the file`);
  const source = { bus: bus ?? "default", idempotencyKey: null, freshId: "test", now: nowMs };
  const decoded = decodeLine({ body: new TextEncoder().encode(test.event), ...source });
  if (!decoded.ok) throw usage(`${place} ${name}: the event is not valid: ${decoded.error.detail}`);
  const view = new EventView(eventForm(decoded.value));
  const results = [...subscriptions].map(([subscription, wanted]) => ({ subscription, ...explain(wanted, view) }));
  return {
    name,
    place,
    takenBy: results.flatMap(({ subscription, matched }) => (matched ? [subscription] : [])),
    misses: results.flatMap(({ subscription, matched, clauses }) => {
      const expected = expectedOf(test, subscription);
      return expected === null || expected === matched ? [] : [{ subscription, expected, clauses }];
    }),
  };
}

/** Null: the test says nothing of it. */
function expectedOf({ expect, expectNot }: FilterTest, subscription: string): boolean | null {
  if (expect?.includes(subscription) === true) return true;
  if (expectNot === null) return false;
  return expectNot.includes(subscription) ? false : null;
}

function busOf({ bus, name, place }: FilterTest, buses: Buses): readonly [string | null, ReadonlyMap<string, Wanted>] {
  const [only, ...others] = buses;
  if (bus === null && only !== undefined && others.length === 0) return only;
  const found = buses.get(bus);
  if (found !== undefined) return [bus, found];
  if (bus === null) throw usage(`${place} ${name}: the file has several buses, so a test must say its bus`);
  throw usage(`${place} ${name}: there is no bus ${bus} in the file`);
}
