/** One path of events in the index: all look-ups that are made among the values there. */
import { addressKey, addressOf, networkKey } from "../filters/cidr.ts";
import { folded } from "../filters/fold.ts";
import type { Range, Scalar } from "../filters/test.ts";
import { Affixes } from "./affixes.ts";
import { type Bucket, entriesOf, type Hits, take, type Tally } from "./bucket.ts";
import { Grams } from "./grams.ts";
import { Keyed } from "./keyed.ts";
import type { Probe } from "./probes.ts";
import { Ranges } from "./ranges.ts";

/** A structure is made when it is first needed: most paths need one, and a bus may have very many paths. */
export class Place implements Tally {
  private entries = 0;
  private readonly emptied: () => void;
  private equal: Keyed<Scalar> | null = null;
  private present: Keyed<null> | null = null;
  private ranges: Ranges | null = null;
  private texts: Texts | null = null;

  /** `emptied` is called when the last entry has gone. */
  constructor(emptied: () => void) {
    this.emptied = emptied;
  }

  count(change: 1 | -1): void {
    this.entries += change;
    if (this.entries === 0) this.emptied();
  }

  /** The bucket of a probe, made when there is none. */
  bucket(probe: Probe): Bucket {
    switch (probe.kind) {
      case "equal":
        this.equal ??= new Keyed(this);
        return this.equal.bucket(probe.value);
      case "present":
        this.present ??= new Keyed(this);
        return this.present.bucket(null);
      case "range":
        this.ranges ??= new Ranges(this);
        return this.ranges.bucket(probe.range);
      case "prefix":
      case "suffix":
      case "folded-equal":
      case "folded-prefix":
      case "folded-suffix":
      case "gram":
      case "network":
        this.texts ??= new Texts(this);
        return this.texts.bucket(probe);
    }
  }

  /** For what share of events the probe may find something, by what is in the index. */
  likelihood(probe: Probe): number {
    switch (probe.kind) {
      case "equal":
        return this.share(this.equal?.find(probe.value));
      case "present":
        return 0.9;
      case "range":
        return this.share(this.ranges?.find(probe.range)) + widthOf(probe.range);
      case "prefix":
      case "suffix":
      case "folded-equal":
      case "folded-prefix":
      case "folded-suffix":
      case "gram":
      case "network":
        return this.share(this.texts?.find(probe)) + commonnessOf(probe);
    }
  }

  /**
   * That an event has what one of the subscriptions here asked for, taken for as likely as it was asked for; and the more likely, the more
   * ask for it, because what many ask for is what often happens.
   */
  private share(found: Bucket | undefined): number {
    const asking = found === undefined ? 0 : entriesOf(found);
    return (asking + 1) / (this.entries + 2) + asking / MANY;
  }

  /** Looks up one value of an event. */
  look(value: Scalar, hits: Hits): void {
    const equal = this.equal?.find(value);
    if (equal !== undefined) take(equal, hits);
    const present = this.present?.find(null);
    if (present !== undefined) take(present, hits);
    if (typeof value === "string") this.texts?.look(value, hits);
    else if (typeof value === "number") this.ranges?.look(value, hits);
  }
}

/** So many subscriptions in one place are looked at for nearly every event, by that reckoning. */
const MANY = 32;

/** How wide a range is, as the share of numbers that are in it: nobody knows, but two bounds are narrower than one. */
const widthOf = ({ low, high }: Range): number => (Number.isFinite(low) && Number.isFinite(high) ? 0.1 : 0.4);

type TextProbe = Exclude<Probe, { readonly kind: "equal" | "present" | "range" }>;

/** How many values have it, whatever was asked for: the shorter, the more. */
function commonnessOf(probe: TextProbe): number {
  switch (probe.kind) {
    case "folded-equal":
      return 0;
    case "prefix":
    case "suffix":
    case "folded-prefix":
    case "folded-suffix":
      return 0.5 ** probe.text.length;
    case "gram":
      return 0.25 ** probe.text.length + 0.05;
    case "network":
      return 0.5 ** probe.network.bits;
  }
}

/** What is looked up of texts, beside equal ones. */
class Texts {
  private readonly tally: Tally;
  private prefixes: Affixes | null = null;
  private suffixes: Affixes | null = null;
  private grams: Grams | null = null;
  private folded: Folded | null = null;
  private networks: Networks | null = null;

  constructor(tally: Tally) {
    this.tally = tally;
  }

  bucket(probe: TextProbe): Bucket {
    const { tally } = this;
    switch (probe.kind) {
      case "prefix":
        this.prefixes ??= new Affixes("beginning", tally);
        return this.prefixes.bucket(probe.text);
      case "suffix":
        this.suffixes ??= new Affixes("end", tally);
        return this.suffixes.bucket(probe.text);
      case "gram":
        this.grams ??= new Grams(tally);
        return this.grams.bucket(probe.text);
      case "network":
        this.networks ??= new Networks(tally);
        return this.networks.bucket(networkKey(probe.network));
      case "folded-equal":
      case "folded-prefix":
      case "folded-suffix":
        this.folded ??= {
          equal: new Keyed(tally),
          prefixes: new Affixes("beginning", tally),
          suffixes: new Affixes("end", tally),
        };
        return this.folded[FOLDED[probe.kind]].bucket(probe.text);
    }
  }

  find(probe: TextProbe): Bucket | undefined {
    switch (probe.kind) {
      case "prefix":
        return this.prefixes?.find(probe.text);
      case "suffix":
        return this.suffixes?.find(probe.text);
      case "gram":
        return this.grams?.find(probe.text);
      case "network":
        return this.networks?.find(networkKey(probe.network));
      case "folded-equal":
      case "folded-prefix":
      case "folded-suffix":
        return this.folded?.[FOLDED[probe.kind]].find(probe.text);
    }
  }

  look(value: string, hits: Hits): void {
    this.prefixes?.look(value, hits);
    this.suffixes?.look(value, hits);
    this.grams?.look(value, hits);
    this.networks?.look(value, hits);
    if (this.folded === null) return;
    const foldedValue = folded(value);
    const equal = this.folded.equal.find(foldedValue);
    if (equal !== undefined) take(equal, hits);
    this.folded.prefixes.look(foldedValue, hits);
    this.folded.suffixes.look(foldedValue, hits);
  }
}

/** The same of folded texts and values. */
interface Folded {
  readonly equal: Keyed<string>;
  readonly prefixes: Affixes;
  readonly suffixes: Affixes;
}

const FOLDED = { "folded-equal": "equal", "folded-prefix": "prefixes", "folded-suffix": "suffixes" } as const;

/** By `networkKey`: a network is what its addresses begin with, in bits. */
class Networks extends Affixes {
  constructor(tally: Tally) {
    super("beginning", tally);
  }

  /** Looks at the buckets of all networks that the value is an address in. */
  override look(value: string, hits: Hits): void {
    const address = addressOf(value);
    if (address !== null) super.look(addressKey(address), hits);
  }
}
