/** Every operator by itself, from one subscription to 100,000: events, heap, and what adding, removing and replacing cost. */
import { COMPETITORS, compete, wrongAnswers, type Competitor, type Match, type Rule } from "./competitors.ts";
import { chance, subscriptionId } from "./data.ts";
import { OPERATOR_CLASSES, type OperatorClass } from "./operator-classes.ts";
import { createMatcher, type Matcher } from "../../src/core/matcher/matcher.ts";
import { readWanted, refusal, type Form, type SubjectRow } from "./subject.ts";
import type { Cell, Report, Section } from "./table.ts";
import { liveBytes, race, stopwatch, timeAll, type Turn } from "./timing.ts";

const SIZES = [1, 10, 100, 1_000, 10_000, 100_000];
const QUICK_SIZES = [1_000];
const EVENTS = 1_000;
/** Subscriptions that are taken out, put back and replaced. */
const CHANGES_MAX = 5_000;
/** Beyond so many rules mingo and sift are left out: building a query per rule takes longer than it tells. */
const QUERIES_MAX = 1_000;
/** The heap of fewer is lost in what the engine itself takes and gives back. */
const HEAP_SIZE_MIN = 1_000;
/** Rules times events that are checked in a moment. */
const CHECKED_WORK: Readonly<Record<Competitor, number>> = { loop: 1_000_000, mingo: 50_000, sift: 50_000 };

export const operators: Section = ({ report, quick }) => {
  for (const one of OPERATOR_CLASSES) {
    report.begin(`Operator: ${one.name}; events/s, bytes per subscription, changes in µs each`);
    for (const size of quick ? QUICK_SIZES : SIZES) if (!measure(one, size, { report, quick })) break;
  }
  report.note(`mingo and sift: not beyond ${QUERIES_MAX.toLocaleString("en-US")} rules; "–": they cannot express it`);
};

/** False when the class is refused. */
function measure(one: OperatorClass, size: number, { report, quick }: { report: Report; quick: boolean }): boolean {
  const random = chance(size);
  const rules: Rule[] = [];
  const rows: SubjectRow[] = [];
  for (let index = 0; index < size; index += 1) {
    const { pattern, filters = [{ pattern }] } = one.ask(index);
    const id = subscriptionId(random);
    rules.push({ id, pattern: JSON.stringify(pattern) });
    rows.push({ id, wanted: JSON.stringify({ types: null, source: null, filters }) });
  }
  const refused = rows.slice(0, 1).map(({ wanted }) => refusal(wanted))[0] ?? null;
  if (refused !== null) report.fail(`operator ${one.name}: ${refused}`);
  if (refused !== null) return false;

  const events = Array.from({ length: EVENTS }, () =>
    JSON.stringify({ specversion: "1.0", id: "1", source: "/app", type: "a.b", ...one.event(random, size) }),
  );
  const forms: Form[] = events.map((event) => JSON.parse(event));
  const matcher = createMatcher();
  const costs = change(matcher, rows);
  const competitors = enter(rules);
  const wrong = check({ name: one.name, forms, matcher, competitors, size }, report);

  const turn = (name: string, match: Match): Turn => ({
    name,
    events: forms.length,
    step: (index) => match(forms[index] ?? {}).length,
  });
  const turns = [
    turn("match", (form) => matcher.match(form)),
    ...[...competitors].map(([name, match]) => turn(name, match)),
  ];
  const rounds = race(turns, { rounds: 5, roundMs: quick ? 4 : 60 });
  const matches = forms.reduce((sum, form) => sum + matcher.match(form).length, 0) / forms.length;
  const match = rounds.rates("match");
  const rate = (name: Competitor): Cell => (wrong.has(name) ? "wrong" : rounds.median(name));
  const loop = rate("loop");
  report.row({
    subscriptions: size,
    "per event": matches,
    matching: match?.median ?? null,
    best: match?.best ?? null,
    "± %": match?.spread ?? null,
    bytes: size < HEAP_SIZE_MIN ? null : costs.bytes / size,
    add: costs.addUs,
    remove: costs.removeUs,
    replace: costs.replaceUs,
    loop,
    "x loop": match === null || typeof loop !== "number" ? null : match.median / loop,
    mingo: rate("mingo"),
    sift: rate("sift"),
  });
  return true;
}

interface Costs {
  readonly bytes: number;
  readonly addUs: number;
  readonly removeUs: number;
  readonly replaceUs: number;
}

/** Adds all; then takes some out and puts them back, and replaces some by themselves, so that the same ones are in at the end. */
function change(matcher: Matcher, rows: readonly SubjectRow[]): Costs {
  const before = liveBytes();
  // Reading a text is not the matcher's work, and all that was read at once would be held beside it.
  let addMs = 0;
  for (let from = 0; from < rows.length; from += CHANGES_MAX) {
    const page = rows.slice(from, from + CHANGES_MAX);
    addMs += set(matcher, page);
  }
  const bytes = liveBytes() - before;
  const step = Math.max(1, Math.floor(rows.length / CHANGES_MAX));
  const some = rows.filter((_, index) => index % step === 0).slice(0, CHANGES_MAX);
  const removeMs = timeAll(some.length, (index) => {
    matcher.delete(some[index]?.id ?? "");
    return 1;
  });
  set(matcher, some);
  const replaceMs = set(matcher, some);
  return {
    bytes,
    addUs: us(addMs, rows.length),
    removeUs: us(removeMs, some.length),
    replaceUs: us(replaceMs, some.length),
  };
}

const us = (ms: number, count: number): number => (ms * 1_000) / count;

function set(matcher: Matcher, rows: readonly SubjectRow[]): number {
  const read = rows.map(({ id, wanted }) => ({ id, wanted: readWanted(wanted) }));
  const elapsed = stopwatch();
  for (const { id, wanted } of read) matcher.set(id, wanted);
  return elapsed();
}

function enter(rules: readonly Rule[]): Map<Competitor, Match> {
  const competitors = new Map<Competitor, Match>();
  for (const competitor of COMPETITORS) {
    const match = competitor === "loop" || rules.length <= QUERIES_MAX ? compete(competitor, rules) : null;
    if (match !== null) competitors.set(competitor, match);
  }
  return competitors;
}

interface Answers {
  readonly name: string;
  readonly size: number;
  readonly forms: readonly Form[];
  readonly matcher: Matcher;
  readonly competitors: ReadonlyMap<Competitor, Match>;
}

/** Against the loop. Who answers otherwise is named. */
function check({ name, size, forms, matcher, competitors }: Answers, report: Report): ReadonlySet<Competitor> {
  const some = (competitor: Competitor): number => Math.ceil(CHECKED_WORK[competitor] / size);
  const loop = competitors.get("loop");
  if (loop === undefined) return new Set();
  const expected = forms.slice(0, some("loop")).map(loop);
  const wrongOnes = wrongAnswers((form) => matcher.match(form), forms, expected);
  if (wrongOnes > 0)
    report.fail(
      `operator ${name}, ${size}: ${wrongOnes} of ${expected.length} events have other matches than the loop`,
    );
  const wrong = [...competitors].filter(
    ([competitor, match]) => wrongAnswers(match, forms, expected.slice(0, some(competitor))) > 0,
  );
  return new Set(wrong.map(([competitor]) => competitor));
}
