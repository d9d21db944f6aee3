/**
 * What has to change for a bus to be as a file asks. Pure. A subscription or key of the file is found by its name; what the file leaves
 * out of one has its default, but for what a person or the router may have set since: `status` and `secret`.
 */
import type { Bus, Key, Subscription } from "../../client/api.ts";
import { isMembers, type Members } from "../../core/json-value.ts";
import { type Comparing, isSame, KEYS, patchOf, SUBSCRIPTIONS } from "./comparing.ts";
import type { WantedBus, WantedThing } from "./wanted.ts";

/** A bus as it is. */
export interface CurrentBus {
  /** Null: there is none yet. */
  readonly bus: Bus | null;
  readonly subscriptions: readonly Subscription[];
  /** Those in force: neither expired nor replaced by a successor. */
  readonly keys: readonly Key[];
}

/** One member that changes; texts are JSON, or words for what is not shown. */
export interface MemberChange {
  readonly name: string;
  readonly from: string | null;
  readonly to: string;
}

export type Kind = "bus" | "subscription" | "key";

interface Change {
  readonly kind: Kind;
  /** Of the bus it belongs to, or is. */
  readonly bus: string;
  readonly name: string;
}

export interface Creation extends Change {
  readonly action: "create";
  /** What the API is sent. */
  readonly document: Members;
  readonly members: readonly MemberChange[];
}

export interface Update extends Change {
  readonly action: "update";
  readonly id: string;
  /** What the change was decided on. */
  readonly version: number;
  readonly patch: Members;
  readonly members: readonly MemberChange[];
}

export interface Deletion extends Change {
  readonly action: "delete";
  readonly id: string;
  readonly version: number;
}

export type AnyChange = Creation | Update | Deletion;

export interface BusPlan {
  readonly bus: string;
  /** In the order in which they are made. */
  readonly changes: readonly AnyChange[];
  /** Subscriptions and keys that the file does not name, and that stay. */
  readonly unmanaged: number;
  /** Subscriptions whose secret or header values may differ: they cannot be read back. */
  readonly unseen: readonly string[];
}

/** How far it goes. */
export interface PlanOptions {
  /** Deletes what has a name and is not in the file. */
  readonly prune: boolean;
  /** The key that the changes are made with, by its id: it is never deleted. Null: nobody has asked. */
  readonly ownKey: string | null;
  /** Sends secrets and header values anew, for whether they differ cannot be seen. */
  readonly writeSecrets: boolean;
}

export type Planned =
  | { readonly ok: true; readonly value: BusPlan }
  | { readonly ok: false; readonly error: readonly string[] };

/** The changes of one bus; or, for each name that several things have, a sentence. */
export function planBus(bus: string, wanted: WantedBus, current: CurrentBus, options: PlanOptions): Planned {
  const ambiguous = [
    ...repeated("subscriptions", wanted.subscriptions, current.subscriptions),
    ...repeated("keys", wanted.keys, current.keys),
  ].map((words) => `Bus ${bus} has ${words}`);
  if (ambiguous.length > 0) return { ok: false, error: ambiguous };
  const { subscriptions, keys } = wanted;
  const updates = [
    ...busChanges(bus, wanted.settings, current.bus),
    ...thingChanges(SUBSCRIPTIONS, { bus, wanted: subscriptions, current: current.subscriptions }, options),
    ...thingChanges(KEYS, { bus, wanted: keys, current: current.keys }, options),
  ];
  const deletions = [
    ...left(subscriptions, current.subscriptions).map((one) => deletionOf("subscription", bus, one)),
    ...left(keys, current.keys).map((one) => (one.id === options.ownKey ? null : deletionOf("key", bus, one))),
  ];
  const pruned = options.prune ? deletions.flatMap((one) => (one === null ? [] : [one])) : [];
  const unseen = (subscriptions ?? []).filter(
    ({ name, members }) =>
      (members["secret"] !== undefined || isMembers(members["headers"])) &&
      current.subscriptions.some((one) => one.name === name),
  );
  return {
    ok: true,
    value: {
      bus,
      changes: [...updates, ...pruned],
      unmanaged: deletions.length - pruned.length,
      unseen: options.writeSecrets ? [] : unseen.map(({ name }) => name),
    },
  };
}

interface Named {
  readonly id: string;
  readonly name: string | null;
  readonly version: number;
}

function repeated(what: string, wanted: readonly WantedThing[] | null, current: readonly Named[]): readonly string[] {
  return (wanted ?? []).flatMap(({ name }) => {
    const same = current.filter((one) => one.name === name);
    if (same.length < 2) return [];
    return [
      `${same.length} ${what} named ${name} (${same.map(({ id }) => id).join(", ")}): a file finds them by name, so rename or remove all but one`,
    ];
  });
}

const left = (wanted: readonly WantedThing[] | null, current: readonly Named[]): readonly Named[] =>
  wanted === null ? [] : current.filter((one) => !wanted.some(({ name }) => name === one.name));

/** What has no name was not made from a file: it is never deleted. */
const deletionOf = (kind: Kind, bus: string, { id, name, version }: Named): Deletion | null =>
  name === null ? null : { action: "delete", kind, bus, name, id, version };

function busChanges(bus: string, settings: Members, current: Bus | null): readonly AnyChange[] {
  const members = Object.entries(settings);
  if (current === null) {
    const shown = members.map(([name, value]) => ({ name, from: null, to: JSON.stringify(value) }));
    return [{ action: "create", kind: "bus", bus, name: bus, document: settings, members: shown }];
  }
  const now: Members = { ...current };
  const changed = members.filter(([name, value]) => !isSame(value ?? BUS_DEFAULTS[name] ?? null, now[name] ?? null));
  if (changed.length === 0) return [];
  return [
    {
      action: "update",
      kind: "bus",
      bus,
      name: bus,
      id: bus,
      version: current.version,
      patch: Object.fromEntries(changed),
      members: changed.map(([name, value]) => ({ name, from: JSON.stringify(now[name]), to: JSON.stringify(value) })),
    },
  ];
}

const BUS_DEFAULTS: Members = { log_level: "all" };

interface Things {
  readonly bus: string;
  readonly wanted: readonly WantedThing[] | null;
  readonly current: readonly (Subscription | Key)[];
}

function thingChanges(how: Comparing, { bus, wanted, current }: Things, options: PlanOptions): readonly AnyChange[] {
  return (wanted ?? []).flatMap((thing) => {
    const now = current.find(({ name }) => name === thing.name);
    const change = now === undefined ? creationOf(how, bus, thing) : updateOf(how, { bus, thing, now }, options);
    return change === null ? [] : [change];
  });
}

const HIDDEN = "(not shown)";

function creationOf({ kind }: Comparing, bus: string, { name, members, secret }: WantedThing): Creation {
  const shown = Object.entries(members).map(([member, value]) => ({
    name: member,
    from: null,
    to: secret.has(member) || member === "headers" ? HIDDEN : JSON.stringify(value),
  }));
  return { action: "create", kind, bus, name, document: { name, ...members }, members: shown };
}

interface Compared {
  readonly bus: string;
  readonly thing: WantedThing;
  readonly now: Subscription | Key;
}

function updateOf(how: Comparing, { bus, thing, now }: Compared, { writeSecrets }: PlanOptions): Update | null {
  const { name, members, secret } = thing;
  const [to, from] = [how.complete(members), how.complete({ ...now })];
  const changed = Object.keys(to).filter((member) => !isSame(to[member], from[member]));
  const rewritten = writeSecrets
    ? how.written.filter(
        (member) => members[member] !== undefined && members[member] !== null && !changed.includes(member),
      )
    : [];
  if (changed.length + rewritten.length === 0) return null;
  // The default is what null asks for: a patch with a figure would freeze it.
  const patch = Object.fromEntries([...changed, ...rewritten].map((member) => [member, patchOf(member, members, now)]));
  return {
    action: "update",
    kind: how.kind,
    bus,
    name,
    id: now.id,
    version: now.version,
    patch,
    members: [
      ...changed.map((member) => ({
        name: member,
        from: secret.has(member) ? HIDDEN : JSON.stringify(from[member]),
        to: secret.has(member) && member !== "headers" ? HIDDEN : JSON.stringify(to[member]),
      })),
      ...rewritten.map((member) => ({ name: member, from: HIDDEN, to: HIDDEN })),
    ],
  };
}
