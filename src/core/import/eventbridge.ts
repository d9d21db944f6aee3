/**
 * EventBridge rules. Sources: "Event pattern syntax" and "Comparison operators for use in event patterns" of the Amazon EventBridge User
 * Guide. Below `detail` its language is Fantail's `pattern`, operator for operator; what differs is the envelope.
 */
import { isMembers, type Members } from "../json-value.ts";
import { memberPointer } from "../problem.ts";
import { NOT_EMPTY, UNKNOWN } from "../words.ts";
import { type Places, readPlaces } from "./attributes.ts";
import { type Findings, readJsonText, readObject, refuse } from "./findings.ts";
import { type Translation, translationOf } from "./imported.ts";
import {
  anyOperand,
  type Language,
  operatorOf,
  type Place,
  readBranches,
  readField,
  type Reading,
} from "./pattern-language.ts";
import { branchNameFault } from "./verdicts.ts";

const OPERATORS = ["prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric", "cidr", "exists"];

const LANGUAGE: Language = {
  service: "EventBridge",
  operators: new Map(OPERATORS.map((name) => [name, anyOperand])),
  numberMax: 5e9,
  fractionDigitsMax: 6,
  textFault: () => null,
};

/** Members of EventBridge's envelope that a CloudEvent has too. */
const SAME: Places = new Map([
  ["source", ["source"]],
  ["detail-type", ["type"]],
  ["detail", ["data"]],
  ["id", ["id"]],
  ["time", ["time"]],
]);

const RESOURCES =
  "is a list, which an attribute cannot hold: have the producer put it into the data, and match it below detail";

/** Members that the caller may give a place to. */
const MOVABLE = ["account", "region", "version"];

/** Why the others have no place in a CloudEvent, and what can be done about it. */
const OTHERS: ReadonlyMap<string, string> = new Map([
  [
    "account",
    "is the AWS account, which a CloudEvent does not have: name in attributes.account the attribute that the producer puts it in",
  ],
  [
    "region",
    "is the AWS region, which a CloudEvent does not have: name in attributes.region the attribute that the producer puts it in",
  ],
  [
    "version",
    "is the version of EventBridge's envelope: leave it out, or name in attributes.version the attribute that the producer puts it in",
  ],
  ["resources", RESOURCES],
]);

const NOTES: ReadonlyMap<string, string> = new Map([
  ["detail-type", "The producer must set type to what was detail-type."],
  ["detail", "The producer must send what was detail as the data of the event, a JSON object."],
  ["id", "The id of an event is the producer's: EventBridge made its own."],
  [
    "time",
    "Times are compared as they are written: the producer must send time as EventBridge does, like 2026-01-31T12:00:00Z.",
  ],
]);
const NOTE_NUMBER =
  "EventBridge compares a number outside of numeric as it is written, so that 300 and 300.0 differ; here numbers are compared by value.";
const NOTE_ABSENT =
  "EventBridge's events always have detail, a JSON object; here exists false also holds for an event without JSON data.";
const NOTE_DISABLED = "The rule is not enabled: create the subscription with status paused.";

/** What `aws events describe-rule` answers beside the pattern, and what CloudFormation and the SDKs add. */
const RULE_MEMBERS = [
  "Name",
  "Arn",
  "EventPattern",
  "State",
  "Description",
  "RoleArn",
  "ManagedBy",
  "EventBusName",
  "CreatedBy",
  "ScheduleExpression",
  "Tags",
  "Targets",
  "ResponseMetadata",
  "$metadata",
];

export interface EventBridgeRequest {
  /** The event pattern, or the object that `describe-rule` answers, whose `EventPattern` is JSON text or an object. */
  readonly rule: unknown;
  /** Of `account`, `region` and `version`: the attribute that the producer puts it in. */
  readonly attributes?: unknown;
}

/** A rule as filters; null with faults. `source` and `detail-type` become `source` and `types` where that means the same. */
export function importEventBridge(request: EventBridgeRequest, findings: Findings): Translation | null {
  const places = readPlaces(request.attributes, { findings, taken: ["source", "type"], intoData: false });
  for (const name of places.keys()) {
    if (MOVABLE.includes(name)) continue;
    const words = name === "resources" ? RESOURCES : `must not be in attributes, whose names are ${MOVABLE.join(", ")}`;
    refuse(findings, memberPointer("/attributes", name), words);
  }
  const rule = readObject(request.rule, "/rule", findings);
  if (rule === null) return null;
  if (!Object.hasOwn(rule, "EventPattern") && !Object.hasOwn(rule, "ScheduleExpression")) {
    return translate(rule, "/rule", { places, findings });
  }
  readRuleMembers(rule, findings);
  return readEventPattern(rule["EventPattern"], { places, findings });
}

interface Context {
  readonly places: Places;
  readonly findings: Findings;
}

function readRuleMembers(rule: Members, findings: Findings): void {
  const schedule = rule["ScheduleExpression"];
  if (schedule !== undefined && schedule !== null && schedule !== "") {
    refuse(
      findings,
      "/rule/ScheduleExpression",
      "must be absent: a subscription takes events, it cannot run on a schedule",
    );
  }
  for (const name of Object.keys(rule)) {
    if (!RULE_MEMBERS.includes(name))
      refuse(findings, memberPointer("/rule", name), `${UNKNOWN} as a member of a rule`);
  }
  const { State: state } = rule;
  if (state === "DISABLED") findings.notes.add(NOTE_DISABLED);
}

function readEventPattern(value: unknown, context: Context): Translation | null {
  const pointer = "/rule/EventPattern";
  if (typeof value !== "string") {
    const pattern = readObject(value ?? undefined, pointer, context.findings);
    return pattern === null ? null : translate(pattern, pointer, context);
  }
  return readJsonText(value, { pointer, findings: context.findings }, (json, inside) => {
    const pattern = readObject(json, pointer, inside);
    return pattern === null ? null : translate(pattern, pointer, { ...context, findings: inside });
  });
}

function translate(pattern: Members, pointer: string, { places, findings }: Context): Translation | null {
  if (Object.keys(pattern).length === 0) return refuse(findings, pointer, NOT_EMPTY);
  const reading: Reading = {
    language: LANGUAGE,
    findings,
    nameFault: () => null,
    field: (values, { path }) => noteValues(values, path, findings),
  };
  return translationOf(readEnvelope(pattern, { pointer, path: [], insideOr: false }, { reading, places }));
}

function noteValues(values: readonly unknown[], path: readonly string[], { notes }: Findings): void {
  if (values.some((value) => typeof value === "number")) notes.add(NOTE_NUMBER);
  const mayBeAbsent = values.some((value) => operatorOf(value)?.[1] === false);
  if (mayBeAbsent && path[0] === "detail") notes.add(NOTE_ABSENT);
}

/** The pattern with the members of the envelope under their names in a CloudEvent; names only, so that the meaning stays. */
function readEnvelope(members: Members, place: Place, context: { reading: Reading; places: Places }): Members {
  const { reading, places } = context;
  const entries = Object.entries(members).map(([name, value]): [string, unknown] => {
    const pointer = memberPointer(place.pointer, name);
    if (name === "$or") {
      const branches = readBranches(value, { ...place, pointer }, reading, (branch, inside) =>
        readEnvelope(branch, inside, context),
      );
      return [name, branches];
    }
    // `detail.state` is the path of state in detail, as in the language itself.
    const [head = "", ...rest] = name.split(".");
    const target = SAME.get(head) ?? places.get(head);
    const hasParts = rest.length > 0 || isMembers(value);
    const wrong = target === undefined ? (OTHERS.get(head) ?? NO_MEMBER) : targetFault(target, { ...place, hasParts });
    if (wrong !== null) refuse(reading.findings, pointer, wrong);
    const note = NOTES.get(head) ?? (target === undefined ? undefined : noteOfPlace(head, target));
    if (note !== undefined) reading.findings.notes.add(note);
    readField(value, { ...place, pointer, path: [head, ...rest] }, reading);
    return [[...(target ?? []), ...rest].join("."), value];
  });
  return Object.fromEntries(entries);
}

/** Why a member cannot stand under its name in a CloudEvent. */
function targetFault(
  [name = ""]: readonly string[],
  { insideOr, hasParts }: { readonly insideOr: boolean; readonly hasParts: boolean },
): string | null {
  if (hasParts && name !== "data")
    return "must be an array of values, under its name alone: it is a string, without parts";
  const wrong = insideOr ? branchNameFault(name) : null;
  return wrong === null ? null : `cannot be ${name} inside $or: that ${wrong}`;
}

function noteOfPlace(name: string, target: readonly string[]): string | undefined {
  return SAME.has(name) ? undefined : `The producer must put ${name} into ${target.join(".")}, as a string.`;
}

const NO_MEMBER = `is no member of EventBridge's events, which have ${[...SAME.keys(), ...OTHERS.keys()].join(", ")}`;
