/** `fantail.yaml` as buses with their subscriptions and keys: which there are, and where each stands. What they say is read elsewhere. */
import { isMembers, type Members } from "../../core/json-value.ts";
import { NAME_CHARS_MAX } from "../../core/limits.ts";
import { BUS_NAME, atMost, mustBe, NOT_EMPTY, UNKNOWN } from "../../core/words.ts";
import { readText, parseYaml, placeOf, type Yaml } from "../documents.ts";
import { usage } from "../failure.ts";

/** From the top of the file inwards. */
export type Path = readonly (string | number)[];

/** A named thing as it is written, `${…}` included. */
export interface Written {
  readonly name: string;
  readonly members: Members;
  readonly path: Path;
}

export interface WrittenBus {
  /** Null: that of the configuration. */
  readonly name: string | null;
  /** Of the bus itself. */
  readonly settings: Members;
  readonly path: Path;
  /** By name; null: the file says nothing of subscriptions. */
  readonly subscriptions: ReadonlyMap<string, Written> | null;
  readonly keys: ReadonlyMap<string, Written> | null;
}

export interface Outline {
  readonly buses: readonly WrittenBus[];
  readonly at: Yaml["at"];
}

/** What is wrong with what a path leads to; `words` are read after its name. */
export interface Fault {
  readonly path: Path;
  readonly words: string;
}

/** Each as a line with its place in the file. */
export const faultLines = (faults: readonly Fault[], at: Yaml["at"]): readonly string[] =>
  faults.map(({ path, words }) => `${at(path)} ${path.length === 0 ? "The file" : path.join(".")} ${words}`);

const LISTS = ["subscriptions", "keys"];

/** @throws Failure on a file that cannot be read, is not valid YAML, or does not have this form. */
export async function readOutline(file: string): Promise<Outline> {
  const yaml = parseYaml(await readText(file), placeOf(file));
  const faults: Fault[] = [];
  const buses = busesOf(yaml.value, faults);
  if (faults.length > 0) throw usage(faultLines(faults, yaml.at));
  return { buses, at: yaml.at };
}

function busesOf(value: unknown, faults: Fault[]): readonly WrittenBus[] {
  if (!isMembers(value)) return wrong(faults, [], `${mustBe("an object")} with buses, or with subscriptions and keys`);
  if (!("buses" in value)) return [oneBus(value, faults)];
  const other = Object.keys(value).find((name) => name !== "buses");
  if (other !== undefined) return wrong(faults, [other], `${UNKNOWN} beside buses`);
  const { buses } = value;
  if (!isMembers(buses)) return wrong(faults, ["buses"], mustBe("an object"));
  return Object.entries(buses).map(([name, members]) => {
    const path = ["buses", name];
    if (!/^[a-z0-9-]{1,32}$/.test(name)) faults.push({ path, words: BUS_NAME });
    return busOf(name, asMembers(members, path, faults), path, faults);
  });
}

function oneBus(value: Members, faults: Fault[]): WrittenBus {
  const { bus = null, ...members } = value;
  const isName = typeof bus === "string" && /^[a-z0-9-]{1,32}$/.test(bus);
  if (bus !== null && !isName) faults.push({ path: ["bus"], words: BUS_NAME });
  return busOf(isName ? bus : null, members, [], faults);
}

function busOf(name: string | null, members: Members, path: Path, faults: Fault[]): WrittenBus {
  return {
    name,
    path,
    settings: Object.fromEntries(Object.entries(members).filter(([member]) => !LISTS.includes(member))),
    subscriptions: namedOf(members["subscriptions"], [...path, "subscriptions"], faults),
    keys: namedOf(members["keys"], [...path, "keys"], faults),
  };
}

function namedOf(value: unknown, path: Path, faults: Fault[]): ReadonlyMap<string, Written> | null {
  if (value === undefined) return null;
  const entries = Object.entries(asMembers(value, path, faults)).map(([name, members]) => {
    const own = [...path, name];
    if (name === "") faults.push({ path: own, words: NOT_EMPTY });
    if (name.length > NAME_CHARS_MAX) faults.push({ path: own, words: atMost(NAME_CHARS_MAX, "characters") });
    return [name, { name, members: asMembers(members, own, faults), path: own }] as const;
  });
  return new Map(entries);
}

/** What is left empty in YAML is null: it has no members. */
function asMembers(value: unknown, path: Path, faults: Fault[]): Members {
  if (value === null) return {};
  if (isMembers(value)) return value;
  faults.push({ path, words: mustBe("an object") });
  return {};
}

function wrong(faults: Fault[], path: Path, words: string): readonly [] {
  faults.push({ path, words });
  return [];
}
