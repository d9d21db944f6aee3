/**
 * SNS filter policies on message attributes, which a CloudEvent does not have: the caller says where the producer puts each. An attribute
 * of an event is a string wherever it came in a header, so what compares with a number goes into the data.
 */
import { isList, isMembers, type Members } from "../json-value.ts";
import { memberPointer } from "../problem.ts";
import { mustBe, shortName } from "../words.ts";
import type { Places } from "./attributes.ts";
import { type Findings, refuse } from "./findings.ts";
import { type Translation, translationOf } from "./imported.ts";
import { type Language, operatorOf, type Place, readBranches, readField, type Reading } from "./pattern-language.ts";
import { asksExists, refuseRepeats, SNS } from "./sns-language.ts";
import { branchNameFault } from "./verdicts.ts";

interface Context {
  readonly reading: Reading;
  readonly places: Places;
}

const LANGUAGE: Language = {
  ...SNS,
  textFault: (text) =>
    /["\\]/.test(text)
      ? "must hold neither quotes nor backslashes: SNS wants them escaped twice here, so what the attribute holds cannot be told"
      : null,
};

/** A policy as a pattern on the places of its message attributes. */
export function importAttributes(
  policy: Members,
  { pointer, places, findings }: { readonly pointer: string; readonly places: Places; readonly findings: Findings },
): Translation | null {
  const reading: Reading = { language: LANGUAGE, findings, nameFault: () => null, field: () => undefined };
  const pattern = readAttributes(policy, { pointer, path: [], insideOr: false }, { reading, places });
  refuseRepeats(policy, pointer, findings);
  if (findings.faults.length === 0 && !needsAttribute(policy)) refuse(findings, pointer, NONE_AT_ALL);
  return translationOf(pattern);
}

const NONE_AT_ALL =
  "must ask for an attribute that is there: SNS lets exists false hold only when the message has other attributes, and a pattern cannot ask for just any; add one that every message has, or write the filter by hand";

/** Whether no message without attributes passes. */
const needsAttribute = (policy: Members): boolean =>
  Object.entries(policy).some(([name, values]) => {
    if (!isList(values)) return false;
    if (name === "$or") return values.every((branch) => isMembers(branch) && needsAttribute(branch));
    return !values.some((value) => asksExists(value, false));
  });

function readAttributes(policy: Members, place: Place, context: Context): Members {
  const { reading, places } = context;
  const { findings } = reading;
  const pattern = new Map<string, unknown>();
  for (const [name, value] of Object.entries(policy)) {
    const pointer = memberPointer(place.pointer, name);
    if (name === "$or") {
      const read = (branch: Members, inside: Place) => readAttributes(branch, inside, context);
      pattern.set(name, readBranches(value, { ...place, pointer }, reading, read));
      continue;
    }
    if (isList(value)) readField(value, { ...place, pointer, path: [name] }, reading);
    else refuse(findings, pointer, `${mustBe("an array")} of values`);
    const path = places.get(name);
    const [target = ""] = path ?? [];
    const misnamed = place.insideOr ? (branchNameFault(name) ?? branchNameFault(target)) : null;
    if (misnamed !== null) refuse(findings, pointer, misnamed);
    else if (path === undefined) refuse(findings, pointer, missingPlace(name));
    else if (isList(value)) put(pattern, path, { name, values: value, pointer, findings });
  }
  return asMembers(pattern);
}

const missingPlace = (name: string): string => {
  const short = shortName(name);
  return `is a message attribute, which a CloudEvent does not have: name in attributes the attribute of the event, or the member of its data like data.${name.length === short.length ? name : "color"}, that the producer puts it in`;
};

type Tree = Map<string, unknown>;

interface Values {
  readonly name: string;
  readonly values: readonly unknown[];
  readonly pointer: string;
  readonly findings: Findings;
}

function put(pattern: Tree, path: readonly string[], { name, values, pointer, findings }: Values): void {
  const [last = "", ...outer] = path.toReversed();
  const target = path.join(".");
  const single = path[0] === "data" ? "" : ", as one string";
  findings.notes.add(`The producer must put the message attribute ${shortName(name)} into ${target}${single}.`);
  if (path[0] !== "data" && values.some((value) => comparesOther(value))) {
    refuse(
      findings,
      pointer,
      `must compare with strings only: the attribute ${target} is a string wherever it came in a header; have the producer put it into the data, and name that in attributes`,
    );
  }
  let inner = pattern;
  for (const step of outer.toReversed()) {
    const known = inner.get(step);
    const next: Tree = known instanceof Map ? known : new Map<string, unknown>();
    inner.set(step, next);
    inner = next;
  }
  inner.set(last, values);
}

/** Whether a value compares with something that is no string. */
function comparesOther(value: unknown): boolean {
  const operator = operatorOf(value);
  if (operator === null) return typeof value !== "string";
  const [name, operand] = operator;
  if (name === "numeric") return true;
  return name === "anything-but" && (isList(operand) ? operand : [operand]).some((entry) => typeof entry === "number");
}

const asMembers = (tree: Tree): Members =>
  Object.fromEntries([...tree].map(([name, value]) => [name, value instanceof Map ? asMembers(value) : value]));
