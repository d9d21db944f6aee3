/** SNS filter policies on the message body: the body is the event's data. */
import type { Members } from "../json-value.ts";
import { type Findings, refuse } from "./findings.ts";
import { allOf, nested, type Translation } from "./imported.ts";
import { operatorOf, type Place, readFields } from "./pattern-language.ts";
import { asksExists, refuseRepeats, SNS } from "./sns-language.ts";

const NOTE_BODY = "The producer must send what was the message body as the data of the event, a JSON object.";
const NOTE_ABSENT =
  "SNS filters bodies that are JSON objects; here exists false also holds for an event without JSON data, and for the data {}.";
const NOTE_EXISTS =
  "SNS lets exists true hold for values that are neither null nor empty: the filters with not say so. SNS does not say what it does with an array that holds a null or an empty string; here exists true does not hold for one.";

/** A policy as a pattern below `data`. */
export function importBody(policy: Members, pointer: string, findings: Findings): Translation | null {
  const exclusions: unknown[] = [];
  readFields(
    policy,
    { pointer, path: [], insideOr: false },
    {
      language: SNS,
      findings,
      nameFault: (name) => (name.includes(".") ? DOTTED : null),
      field: (values, place) => {
        if (values.some((value) => asksExists(value, false))) findings.notes.add(NOTE_ABSENT);
        if (!values.some((value) => asksExists(value, true))) return;
        const excluded = excludedBeside(values, place, findings);
        if (excluded.length > 0) exclusions.push({ not: { pattern: nested(["data", ...place.path], excluded) } });
      },
    },
  );
  refuseRepeats(policy, pointer, findings);
  findings.notes.add(NOTE_BODY);
  if (exclusions.length > 0) findings.notes.add(NOTE_EXISTS);
  return { types: null, source: null, filters: allOf([{ pattern: { data: policy } }, ...exclusions]) };
}

const DOTTED =
  "must not have a dot in its name: in a pattern it would also match the member of an object, and SNS does not say what it matches";

/** Which of null and the empty string `exists` true must not hold for: not those that the list names itself. */
function excludedBeside(values: readonly unknown[], place: Place, findings: Findings): readonly unknown[] {
  const others = values.filter((value) => operatorOf(value) !== null && !asksExists(value, true));
  if (place.insideOr || others.length > 0) {
    const where = place.insideOr ? "inside $or" : "beside other operators";
    refuse(
      findings,
      place.pointer,
      `must not ask for exists true ${where}: SNS lets it hold for values that are neither null nor empty, which no pattern says; write it by hand with any and not`,
    );
    return [];
  }
  return [null, ""].filter((value) => !values.includes(value));
}
