/**
 * What one value of an event is asked: the operators of the pattern language and of the attribute dialects, as plain data. A test sees a
 * single value, never where it stands. `docs/filters.md` is normative.
 */
import { addressOf, type Network, within } from "./cidr.ts";
import { folded } from "./fold.ts";
import { fitsWildcard } from "./wildcard.ts";

/** A value of JSON that has no parts. */
export type Scalar = string | number | boolean | null;

export const isScalar = (value: unknown): value is Scalar =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null;

/** Numbers between two bounds; infinite where there is none. */
export interface Range {
  readonly low: number;
  readonly high: number;
  readonly lowIncluded: boolean;
  readonly highIncluded: boolean;
}

/** Tests of text never hold on another kind of value, and those of numbers on numbers only. */
export type Test =
  | { readonly kind: "equal"; readonly value: Scalar }
  | { readonly kind: "among"; readonly values: ReadonlySet<Scalar> }
  | { readonly kind: "prefix"; readonly text: string }
  | { readonly kind: "suffix"; readonly text: string }
  /** `text` is folded, as in the next three. */
  | { readonly kind: "folded-equal"; readonly text: string }
  | { readonly kind: "folded-among"; readonly texts: ReadonlySet<string> }
  | { readonly kind: "folded-prefix"; readonly text: string }
  | { readonly kind: "folded-suffix"; readonly text: string }
  /** The texts between the stars, at least two of them, so at least one star. */
  | { readonly kind: "wildcard"; readonly parts: readonly string[] }
  | { readonly kind: "range"; readonly range: Range }
  | { readonly kind: "cidr"; readonly network: Network }
  | { readonly kind: "present" }
  /** A value of any kind on which none of them holds. */
  | { readonly kind: "none-of"; readonly tests: readonly Test[] }
  | { readonly kind: "one-of"; readonly tests: readonly Test[] };

/** Of one value or more: several are looked up, whatever their number. */
export function equalToAny(values: readonly [Scalar, ...Scalar[]]): Test {
  return values.length === 1 ? { kind: "equal", value: values[0] } : { kind: "among", values: new Set(values) };
}

/** Whether the test holds on the value. */
export function passes(test: Test, value: Scalar): boolean {
  switch (test.kind) {
    case "equal":
      return value === test.value;
    case "among":
      return test.values.has(value);
    case "prefix":
      return typeof value === "string" && value.startsWith(test.text);
    case "suffix":
      return typeof value === "string" && value.endsWith(test.text);
    case "folded-equal":
      return typeof value === "string" && folded(value) === test.text;
    case "folded-among":
      return typeof value === "string" && test.texts.has(folded(value));
    case "folded-prefix":
      return typeof value === "string" && folded(value).startsWith(test.text);
    case "folded-suffix":
      return typeof value === "string" && folded(value).endsWith(test.text);
    case "wildcard":
      return typeof value === "string" && fitsWildcard(test.parts, value);
    case "range":
      return typeof value === "number" && isInRange(test.range, value);
    case "cidr":
      return typeof value === "string" && isInNetwork(test.network, value);
    case "present":
      return true;
    case "none-of":
      for (const inner of test.tests) if (passes(inner, value)) return false;
      return true;
    case "one-of":
      for (const inner of test.tests) if (passes(inner, value)) return true;
      return false;
  }
}

export function isInRange({ low, high, lowIncluded, highIncluded }: Range, value: number): boolean {
  return (lowIncluded ? value >= low : value > low) && (highIncluded ? value <= high : value < high);
}

function isInNetwork(network: Network, value: string): boolean {
  const address = addressOf(value);
  return address !== null && within(network, address);
}
