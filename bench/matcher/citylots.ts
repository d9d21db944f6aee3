/** The city lots: fourteen classes of five rules each on long lines, counted against what the rules' authors published. */
import { COMPETITORS, compete, wrongAnswers, type Match } from "./competitors.ts";
import { CITY_LOT_LINES, cityLots, wantedOf, type CityLots } from "./data.ts";
import type { Matcher } from "../../src/core/matcher/matcher.ts";
import { loaded, refusal, type Form } from "./subject.ts";
import type { Report, Section } from "./table.ts";
import { Rounds, timeAll } from "./timing.ts";

/** Lines that are parsed at once: what they make stays near the processor. */
const SLICE = 1_000;
const QUICK_LINES = 20_000;
/** The first of so many slices is parsed with every class, and the second is given to the competitors. */
const TURN_SLICES = 4;
const CHECKED_LINES = 300;
const ARRAYS_CLASS = "COMPLEX_ARRAYS";
const AIM = 500_000;
const ARRAYS_AIM = 100_000;
const PARSING_AIM = 0.7;

interface Contest {
  readonly name: string;
  readonly expected: readonly number[];
  readonly subject: Matcher | null;
  readonly competitors: ReadonlyMap<string, Match>;
  readonly counts: number[];
  /** Who answers otherwise than the loop does not measure the same. */
  readonly wrong: Set<string>;
}

export const citylots: Section = ({ report, quick }) => {
  report.begin("City lots: 5 rules of each class, events/s");
  const lots = cityLots(quick ? QUICK_LINES : CITY_LOT_LINES);
  if (lots === null) return report.note("skipped: the corpora are not here, FANTAIL_CORPORA says where they are");

  const contests = [...lots.classes].map(([name, set]) => enter(name, set, report));
  const rounds = new Rounds();
  for (let from = 0; from < lots.count; from += SLICE) {
    const index = from / SLICE;
    runSlice(contests, { lots, from, rounds, place: index % TURN_SLICES });
    rounds.end();
  }
  for (const contest of contests) tell(contest, rounds, report);
  aims(contests, rounds, report);
  check(contests, lots, report);
};

function enter(name: string, set: { rules: readonly string[]; expected: readonly number[] }, report: Report): Contest {
  const rows = set.rules.map((pattern, index) => ({ id: String(index), wanted: wantedOf(pattern) }));
  // The lines are no events: of one they would be the data.
  const asData = set.rules.map((pattern) => wantedOf(`{"data":${pattern}}`));
  const refused = asData.map(refusal).find((words) => words !== null) ?? null;
  if (refused !== null) report.fail(`city lots, ${name}: ${refused}`);
  const rules = set.rules.map((pattern, index) => ({ id: String(index), pattern }));
  const competitors = new Map<string, Match>();
  for (const competitor of COMPETITORS) {
    const match = compete(competitor, rules);
    if (match !== null) competitors.set(competitor, match);
  }
  const subject = refused === null ? loaded(rows) : null;
  return { name, expected: set.expected, subject, competitors, counts: set.rules.map(() => 0), wrong: new Set() };
}

interface Slice {
  readonly lots: CityLots;
  readonly from: number;
  readonly rounds: Rounds;
  /** Which of TURN_SLICES it is. */
  readonly place: number;
}

function runSlice(contests: readonly Contest[], { lots, from, rounds, place }: Slice): void {
  const lines = lots.slice(from, Math.min(from + SLICE, lots.count));
  const forms: Form[] = lines.map((line) => JSON.parse(line));
  const time = (name: string, step: (index: number) => number): void =>
    rounds.add(name, lines.length, timeAll(lines.length, step));
  const parsed = (index: number): Form => JSON.parse(lines[index] ?? "");
  const form = (index: number): Form => forms[index] ?? {};

  for (const { name, subject, competitors, counts, wrong } of contests) {
    if (subject !== null) time(`${name} match`, (index) => subject.match(form(index)).length);
    if (place === 0) time(`${name} parse`, (index) => Object.keys(parsed(index)).length);
    if (place === 0 && subject !== null) time(`${name} both`, (index) => subject.match(parsed(index)).length);
    if (place === 1)
      for (const [competitor, match] of competitors)
        time(`${name} ${competitor}`, (index) => match(form(index)).length);
    if (from === 0) for (const competitor of wrongOnes(competitors, forms)) wrong.add(competitor);
    if (subject !== null)
      for (const one of forms) for (const id of subject.match(one)) counts[Number(id)] = (counts[Number(id)] ?? 0) + 1;
  }
}

function wrongOnes(competitors: ReadonlyMap<string, Match>, forms: readonly Form[]): string[] {
  const loop = competitors.get("loop");
  if (loop === undefined) return [];
  const expected = forms.slice(0, CHECKED_LINES).map(loop);
  return [...competitors].flatMap(([name, match]) => (wrongAnswers(match, forms, expected) > 0 ? [name] : []));
}

function tell({ name, wrong }: Contest, rounds: Rounds, report: Report): void {
  const match = rounds.rates(`${name} match`);
  const both = rounds.median(`${name} both`);
  const parse = rounds.median(`${name} parse`);
  const loop = rounds.median(`${name} loop`);
  const other = (competitor: string) => (wrong.has(competitor) ? "wrong" : rounds.median(`${name} ${competitor}`));
  report.row({
    class: name,
    matching: match?.median ?? null,
    best: match?.best ?? null,
    "± %": match?.spread ?? null,
    "parsing too": both,
    "parsing alone": parse,
    ratio: both === null || parse === null ? null : both / parse,
    loop,
    "x loop": match === null || loop === null ? null : match.median / loop,
    mingo: other("mingo"),
    sift: other("sift"),
  });
}

function aims(contests: readonly Contest[], rounds: Rounds, report: Report): void {
  const rates = new Map(contests.map(({ name }) => [name, rounds.median(`${name} match`) ?? 0]));
  const arrays = rates.get(ARRAYS_CLASS) ?? 0;
  rates.delete(ARRAYS_CLASS);
  report.aim("at least 500,000 events/s for every class except complex arrays", Math.min(...rates.values()) >= AIM);
  report.aim("at least 100,000 events/s for complex arrays", arrays >= ARRAYS_AIM);
  const ratios = contests.map(
    ({ name }) => (rounds.median(`${name} both`) ?? 0) / (rounds.median(`${name} parse`) ?? 1),
  );
  report.aim("with parsing at least 0.7 of parsing alone", Math.min(...ratios) >= PARSING_AIM);
}

/** The published counts hold for all lines; of fewer, the loop counts. */
function check(contests: readonly Contest[], lots: CityLots, report: Report): void {
  for (const { name, subject, expected, counts, competitors } of contests) {
    if (subject === null) continue;
    const loop = competitors.get("loop");
    const right = lots.count === CITY_LOT_LINES || loop === undefined ? expected : counted(loop, lots, expected.length);
    if (counts.join() !== right.join())
      report.fail(`city lots, ${name}: ${counts.join(", ")} matches instead of ${right.join(", ")}`);
  }
  report.note(`matches of ${lots.count.toLocaleString("en-US")} lines counted`);
}

function counted(loop: Match, lots: CityLots, rules: number): number[] {
  const counts = Array.from({ length: rules }, () => 0);
  for (const line of lots.slice(0, lots.count))
    for (const id of loop(JSON.parse(line))) counts[Number(id)] = (counts[Number(id)] ?? 0) + 1;
  return counts;
}
