/** One path of events in the index: all look-ups that are made among the values there. */
import { addressOf, masked, networkKey } from "../filters/cidr.ts";
import { folded } from "../filters/fold.ts";
import type { Range, Scalar } from "../filters/test.ts";
import { affixes, type Affixes } from "./affixes.ts";
import { type Bucket, entriesOf, type Hits, type Home, take } from "./bucket.ts";
import { grams, type Grams } from "./grams.ts";
import { type Buckets, keyed } from "./keyed.ts";
import type { AffixKind, Probe } from "./probes.ts";
import { ranges, type Ranges } from "./ranges.ts";

export interface Place {
  /** The bucket of a probe, made when there is none. */
  readonly bucket: (probe: Probe) => Bucket;
  /** For what share of events the probe may find something, by what is in the index. */
  readonly likelihood: (probe: Probe) => number;
  /** Looks up one value of an event. */
  readonly look: (value: Scalar, hits: Hits) => void;
}

/** A structure is made when it is first needed: most paths need one. */
interface Structures {
  equal: Buckets<Scalar> | null;
  foldedEqual: Buckets<string> | null;
  readonly affixes: Map<AffixKind, Affixes>;
  grams: Grams | null;
  ranges: Ranges | null;
  networks: Buckets<string> | null;
  /** Lengths of masks that are, or were, in `networks`, of IPv4 and IPv6. */
  readonly masks: Set<number>;
  present: Buckets<null> | null;
}

/** `emptied` is told when the last entry has gone. */
export function place(emptied: () => void): Place {
  const has: Structures = {
    equal: null,
    foldedEqual: null,
    affixes: new Map(),
    grams: null,
    ranges: null,
    networks: null,
    masks: new Set(),
    present: null,
  };
  let entries = 0;
  const count: Home["count"] = (change) => {
    entries += change;
    if (entries === 0) emptied();
  };

  function affixesOf(kind: AffixKind): Affixes {
    const known = has.affixes.get(kind) ?? affixes(kind.endsWith("prefix") ? "beginning" : "end", count);
    has.affixes.set(kind, known);
    return known;
  }

  function bucket(probe: Probe): Bucket {
    switch (probe.kind) {
      case "equal":
        return (has.equal ??= keyed(count)).bucket(probe.value);
      case "folded-equal":
        return (has.foldedEqual ??= keyed(count)).bucket(probe.text);
      case "prefix":
      case "suffix":
      case "folded-prefix":
      case "folded-suffix":
        return affixesOf(probe.kind).bucket(probe.text);
      case "gram":
        return (has.grams ??= grams(count)).bucket(probe.text);
      case "range":
        return (has.ranges ??= ranges(count)).bucket(probe.range);
      case "network":
        has.masks.add(probe.network.bits);
        return (has.networks ??= keyed(count)).bucket(networkKey(probe.network));
      case "present":
        return (has.present ??= keyed<null>(count)).bucket(null);
    }
  }

  /** That an event has what one of the subscriptions here asked for, taken for as likely as it was asked for. */
  const share = (found: Bucket | undefined): number =>
    ((found === undefined ? 0 : entriesOf(found)) + 1) / (entries + 2);

  function likelihood(probe: Probe): number {
    switch (probe.kind) {
      case "equal":
        return share(has.equal?.find(probe.value));
      case "folded-equal":
        return share(has.foldedEqual?.find(probe.text));
      case "prefix":
      case "suffix":
      case "folded-prefix":
      case "folded-suffix":
        return share(has.affixes.get(probe.kind)?.find(probe.text)) + 0.5 ** probe.text.length;
      case "gram":
        return share(has.grams?.find(probe.text)) + 0.25 ** probe.text.length + 0.05;
      case "range":
        return share(has.ranges?.find(probe.range)) + widthOf(probe.range);
      case "network":
        return share(has.networks?.find(networkKey(probe.network))) + 0.5 ** probe.network.bits;
      case "present":
        return 0.9;
    }
  }

  function lookText(value: string, hits: Hits): void {
    if (has.affixes.size > 0) {
      has.affixes.get("prefix")?.look(value, hits);
      has.affixes.get("suffix")?.look(value, hits);
    }
    has.grams?.look(value, hits);
    if (has.foldedEqual !== null || has.affixes.has("folded-prefix") || has.affixes.has("folded-suffix"))
      lookFolded(folded(value), hits);
    if (has.networks !== null) lookAddress(value, hits);
  }

  function lookFolded(value: string, hits: Hits): void {
    const found = has.foldedEqual?.find(value);
    if (found !== undefined) take(found, hits);
    has.affixes.get("folded-prefix")?.look(value, hits);
    has.affixes.get("folded-suffix")?.look(value, hits);
  }

  function lookAddress(value: string, hits: Hits): void {
    const address = addressOf(value);
    if (address === null) return;
    for (const bits of has.masks) {
      if (bits >= address.length * 16) continue;
      const found = has.networks?.find(networkKey({ address: masked(address, bits), bits }));
      if (found !== undefined) take(found, hits);
    }
  }

  return {
    bucket,
    likelihood,
    look(value, hits) {
      const equal = has.equal?.find(value);
      if (equal !== undefined) take(equal, hits);
      const present = has.present?.find(null);
      if (present !== undefined) take(present, hits);
      if (typeof value === "string") lookText(value, hits);
      else if (typeof value === "number") has.ranges?.look(value, hits);
    },
  };
}

/** How wide a range is, as the share of numbers that are in it: nobody knows, but two bounds are narrower than one. */
const widthOf = ({ low, high }: Range): number => (Number.isFinite(low) && Number.isFinite(high) ? 0.1 : 0.4);
