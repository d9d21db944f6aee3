/**
 * What is made to be slow may cost more the more there is of it, but not out of proportion: each case is measured at a size, at
 * twice and at four times as much, and the exponent of its growth is told. 1 is linear, 2 is quadratic.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { PRODUCT_CASES } from "./adversarial-products.ts";
import { SHAPE_CASES } from "./adversarial-shapes.ts";
import { VALUE_CASES, type AdversarialCase } from "./adversarial-values.ts";
import { createMatcher } from "../../src/core/matcher/matcher.ts";
import { readWanted, refusal, type Form } from "./subject.ts";
import type { Report, Section } from "./table.ts";
import { timeAll } from "./timing.ts";

const EXPONENT_MAX = 1.3;
const FACTORS = [1, 2, 4];
/** Of one time that counts: the shortest of several rounds is taken, which others on the machine disturb the least. */
const BATCH_MS = 20;
const QUICK_BATCH_MS = 3;
const ROUNDS = 5;
/** So many more when the first ones say that it grows too fast. */
const MORE_ROUNDS = 15;

const CASES: readonly AdversarialCase[] = [...VALUE_CASES, ...SHAPE_CASES, ...PRODUCT_CASES];

/** A quick run takes one of so many. */
const QUICK_CASES = 4;
/** A process of its own for each case, which can be ended: some ways to be slow take longer than anybody waits. */
const DEADLINE_MS = 60_000;

export const adversarial: Section = ({ report, quick }) => {
  report.begin("Adversarial: ms at a size, at twice and at four times as much; the exponent of its growth");
  for (const [index, { name, matchExponentMax, exponentMax }] of CASES.entries()) {
    if (quick && index % QUICK_CASES !== 0) continue;
    const told = measureApart(name, quick ? QUICK_BATCH_MS : BATCH_MS);
    if (typeof told === "string") report.fail(`adversarial, ${name}: ${told}`);
    else
      for (const growth of told)
        tell({ name, max: { match: matchExponentMax ?? exponentMax, add: exponentMax }, ...growth }, report);
  }
  report.note("add: all subscriptions are added, the event is matched once, all are taken out");
  report.note("read: one subscription is read as when it is written, and may be refused");
  report.note(
    `an exponent over ${EXPONENT_MAX} fails, and a lower one where what is found does not grow; refused: it is over a limit`,
  );
};

interface Growth {
  readonly what: "match" | "add" | "read";
  readonly size: number;
  /** Fewer than the factors when the larger ones are refused. */
  readonly times: readonly number[];
}

type Told = Growth &
  Pick<AdversarialCase, "name"> & { readonly max: Readonly<Record<"match" | "add", number | undefined>> };

function tell({ name, what, size, times, max }: Told, report: Report): void {
  const exponent = exponentOf(times);
  report.row({
    case: name,
    what,
    size,
    "at 1": times[0] ?? null,
    "at 2": times[1] ?? "refused",
    "at 4": times[2] ?? "refused",
    "1 to 2": exponentOf(times.slice(0, 2)),
    "2 to 4": exponentOf(times.slice(1)),
    exponent,
  });
  const exponentMax = (what === "read" ? undefined : max[what]) ?? EXPONENT_MAX;
  if (exponent !== null && exponent > exponentMax)
    report.fail(`adversarial, ${name}, ${what}: it grows with exponent ${exponent.toFixed(2)}`);
}

/** What was measured of the case, or why nothing was. */
function measureApart(name: string, batchMs: number): Growth[] | string {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), name, String(batchMs)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: DEADLINE_MS });
  if (status === null) return `no end within ${DEADLINE_MS / 1_000} s`;
  if (status === 0) return JSON.parse(stdout);
  return stderr.split("\n").find((line) => /^\w*Error/.test(line)) ?? "it ended early";
}

function measure(one: AdversarialCase, batchMs: number): Growth[] {
  if (one.reads === true) {
    const works = FACTORS.map((factor) => reading(one, one.size * factor));
    return [{ what: "read", size: one.size, times: growthTimes(works, batchMs) }];
  }
  const cases = FACTORS.map((factor) => prepare(one, one.size * factor));
  const [first] = cases;
  if (first !== undefined && "refused" in first) throw new Error(first.refused);
  const accepted = cases.flatMap((prepared) => ("refused" in prepared ? [] : [prepared]));
  const whats = one.builds ? (["match", "add"] as const) : (["match"] as const);
  return whats.map((what) => {
    const works = accepted.map((prepared) => prepared[what]);
    return { what, size: one.size, times: growthTimes(works, batchMs) };
  });
}

function reading(one: AdversarialCase, size: number): () => number {
  const [first] = one.make(size).wanted;
  const text = JSON.stringify(first);
  return () => refusal(text)?.length ?? 0;
}

interface Prepared {
  readonly match: () => number;
  readonly add: () => number;
}

function prepare(one: AdversarialCase, size: number): Prepared | { readonly refused: string } {
  const { wanted, event } = one.make(size);
  const texts = wanted.map((subscription) => JSON.stringify(subscription));
  const refused = texts.slice(0, 1).map(refusal)[0] ?? null;
  if (refused !== null) return { refused };
  // Texts that are put together, and so are ropes, become what a parser would have made of them.
  const form: Form = JSON.parse(JSON.stringify({ specversion: "1.0", id: "1", source: "/app", type: "a.b", ...event }));
  const rows = texts.map((text, index) => ({ id: `sub_${index}`, wanted: readWanted(text) }));
  const fill = () => {
    const matcher = createMatcher();
    for (const row of rows) matcher.set(row.id, row.wanted);
    return matcher;
  };
  const filled = fill();
  return {
    match: () => filled.match(form).length,
    add: () => {
      const matcher = fill();
      const matches = matcher.match(form).length;
      for (const { id } of rows) matcher.delete(id);
      return matches + matcher.size;
    },
  };
}

/** The shortest ms of each, in rounds in which each has its turn. */
function growthTimes(works: readonly (() => number)[], batchMs: number): number[] {
  const counts = works.map((work) => callsIn(work, batchMs));
  const times = works.map(() => Infinity);
  const run = (rounds: number): void => {
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, work] of works.entries()) {
        const count = counts[index] ?? 1;
        times[index] = Math.min(times[index] ?? Infinity, timeAll(count, work) / count);
      }
    }
  };
  run(ROUNDS);
  if ((exponentOf(times) ?? 0) > EXPONENT_MAX) run(MORE_ROUNDS);
  return times;
}

/** How many calls fill the time, found by doubling, which also warms them up. */
function callsIn(work: () => number, batchMs: number): number {
  let count = 1;
  while (timeAll(count, work) < batchMs) count *= 2;
  return count;
}

/** What a call costs whatever it does, and growth below it harms nobody. */
const FLOOR_MS = 0.002;

/** The exponent of the growth from the first to the last, which is so many doublings away. */
function exponentOf(times: readonly number[]): number | null {
  const [first] = times;
  const last = times.at(-1);
  if (first === undefined || last === undefined || times.length < 2) return null;
  return Math.log2((last + FLOOR_MS) / (first + FLOOR_MS)) / (times.length - 1);
}

if (import.meta.main) {
  const [name, batchMs] = process.argv.slice(2);
  const one = CASES.find((known) => known.name === name);
  if (one === undefined) throw new Error(`There is no case ${name}`);
  console.log(JSON.stringify(measure(one, Number(batchMs))));
}
