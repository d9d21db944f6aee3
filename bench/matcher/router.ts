/** The router's own load: events of ~380 bytes, and from ten to 100,000 rules that each ask for a tenant and something more. */
import { COMPETITORS, compete, wrongAnswers, type Competitor, type Match, type Rule } from "./competitors.ts";
import { chance, routerSet, subscriptionId, wantedOf, type RuleSet } from "./data.ts";
import { loaded, refusal, type Form } from "./subject.ts";
import type { Cell, Report, Section } from "./table.ts";
import { measureMade, race, type Rounds, type Turn } from "./timing.ts";

const SIZES = [10, 100, 1_000, 10_000, 100_000];
const QUICK_SIZES = [10, 1_000];
/** A query object per rule is far heavier than a predicate: beyond this many, building them takes longer than it tells. */
const QUERIES_MAX = 10_000;
/** Rules times events that are checked in a moment. */
const CHECKED_WORK: Readonly<Record<Competitor, number>> = { loop: 20_000_000, mingo: 500_000, sift: 500_000 };
/** The heap of fewer rules is lost in what the engine itself takes and gives back. */
const HEAP_SIZE_MIN = 1_000;
const AIMS = new Map([
  [1_000, 300_000],
  [10_000, 200_000],
  [100_000, 150_000],
]);
const BUILD_MS_AIM = 5_000;
const LOOP_AIM = 100;
const PARSING_AIM = 0.7;

interface Measured {
  readonly size: number;
  readonly rounds: Rounds;
  readonly buildMs: number;
}

export const router: Section = ({ report, quick }) => {
  report.begin("Router: rules of a tenant each, events/s; build in ms, heap in bytes per rule and MB");
  const measured: Measured[] = [];
  for (const size of quick ? QUICK_SIZES : SIZES) {
    const one = measure(size, { report, quick });
    if (one !== null) measured.push(one);
  }
  report.note(
    `mingo and sift: not beyond ${QUERIES_MAX.toLocaleString("en-US")} rules, where a query per rule tells nothing more`,
  );
  for (const one of measured) aims(one, report);
};

function measure(size: number, { report, quick }: { report: Report; quick: boolean }): Measured | null {
  const set = routerSet(size);
  const random = chance(size);
  const rules: Rule[] = set.rules.map((pattern) => ({ id: subscriptionId(random), pattern }));
  const rows = rules.map(({ id, pattern }) => ({ id, wanted: wantedOf(pattern) }));
  const refused = rows.map(({ wanted }) => refusal(wanted)).find((words) => words !== null);
  if (refused !== undefined) {
    report.fail(`router, ${size} rules: ${refused}`);
    return null;
  }

  const { made: subject, ms: buildMs, bytes } = measureMade(() => loaded(rows));
  const competitors = new Map<Competitor, Match>();
  for (const competitor of COMPETITORS) {
    const match = competitor === "loop" || size <= QUERIES_MAX ? compete(competitor, rules) : null;
    if (match !== null) competitors.set(competitor, match);
  }
  const forms: Form[] = set.events.map((event) => JSON.parse(event));
  const wrong = check({ set, rules, forms, match: (form) => subject.match(form), competitors }, report);

  const parsed = (index: number): Form => JSON.parse(set.events[index] ?? "");
  const form = (index: number): Form => forms[index] ?? {};
  const turn = (name: string, step: Turn["step"]): Turn => ({ name, events: forms.length, step });
  const turns = [
    turn("match", (index) => subject.match(form(index)).length),
    turn("parse", (index) => Object.keys(parsed(index)).length),
    turn("both", (index) => subject.match(parsed(index)).length),
    ...[...competitors].map(([name, match]) => turn(name, (index) => match(form(index)).length)),
  ];
  const rounds = race(turns, { rounds: quick ? 5 : 9, roundMs: quick ? 20 : 200 });
  tell({ size, rounds, buildMs }, { bytes, wrong, report });
  return { size, rounds, buildMs };
}

interface Answers {
  readonly set: RuleSet;
  readonly rules: readonly Rule[];
  readonly forms: readonly Form[];
  readonly match: Match;
  readonly competitors: ReadonlyMap<Competitor, Match>;
}

/** Against what was recorded, else against the loop. Who answers otherwise is named. */
function check({ set, rules, forms, match, competitors }: Answers, report: Report): ReadonlySet<Competitor> {
  const loop = competitors.get("loop");
  const some = (name: Competitor): number => Math.ceil(CHECKED_WORK[name] / rules.length);
  const recorded = set.matches?.map((indices) => indices.map((index) => rules[index]?.id ?? ""));
  const expected = recorded ?? (loop === undefined ? [] : forms.slice(0, some("loop")).map(loop));
  const wrongOnes = wrongAnswers(match, forms, expected);
  const against = recorded === undefined ? "the loop" : "the record";
  const checked = `${expected.length.toLocaleString("en-US")} events checked against ${against}`;
  if (wrongOnes > 0) report.fail(`router, ${rules.length} rules: ${wrongOnes} of ${checked} have other matches`);
  const wrong = [...competitors].filter(
    ([name, other]) => wrongAnswers(other, forms, expected.slice(0, some(name))) > 0,
  );
  return new Set(wrong.map(([name]) => name));
}

function tell(
  { size, rounds, buildMs }: Measured,
  { bytes, wrong, report }: { bytes: number; wrong: ReadonlySet<Competitor>; report: Report },
): void {
  const match = rounds.rates("match");
  const both = rounds.median("both");
  const parse = rounds.median("parse");
  const rate = (name: Competitor): Cell => (wrong.has(name) ? "wrong" : rounds.median(name));
  const loop = rate("loop");
  if (loop === "wrong") report.fail(`router, ${size} rules: the loop itself is wrong`);
  report.row({
    rules: size,
    build: buildMs,
    "B/rule": size < HEAP_SIZE_MIN ? null : bytes / size,
    MB: size < HEAP_SIZE_MIN ? null : bytes / 1e6,
    matching: match?.median ?? null,
    best: match?.best ?? null,
    "± %": match?.spread ?? null,
    "parsing too": both,
    "parsing alone": parse,
    ratio: both === null || parse === null ? null : both / parse,
    loop,
    "x loop": match === null || typeof loop !== "number" ? null : match.median / loop,
    mingo: rate("mingo"),
    sift: rate("sift"),
  });
}

function aims({ size, rounds, buildMs }: Measured, report: Report): void {
  const rate = (name: string): number => rounds.median(name) ?? 0;
  const of = `at ${size.toLocaleString("en-US")} rules`;
  const aim = AIMS.get(size);
  if (aim !== undefined) report.aim(`at least ${aim.toLocaleString("en-US")} events/s ${of}`, rate("match") >= aim);
  if (size === 10_000)
    report.aim(`at least ${LOOP_AIM} times the loop ${of}`, rate("match") >= LOOP_AIM * rate("loop"));
  if (size === 100_000) report.aim(`built in less than 5 s ${of}`, buildMs < BUILD_MS_AIM);
  report.aim(
    `with parsing at least ${PARSING_AIM} of parsing alone ${of}`,
    rate("both") >= PARSING_AIM * rate("parse"),
  );
}
