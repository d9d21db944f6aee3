/** Kinds of options, each checked where it is read: a wrong one is told with its name before anything is sent. */
import { usage } from "./failure.ts";

/** Options and positions that may have several values; `_` is what the parser calls the command. */
export const REPEATABLE: ReadonlySet<string> = new Set([
  "_",
  "deliveries",
  "tests",
  "extension",
  "filter",
  "header",
  "attribute",
  "types",
  "scopes",
  "origins",
]);

/** Any text. */
export const text = (describe: string) => ({ type: "string", requiresArg: true, describe }) as const;

/** A file in its place on the command line. The parser makes an empty text of a `-` there, which no file is called. */
export const fileAt = (describe: string) =>
  ({ type: "string", describe, coerce: (given: string | undefined) => (given === "" ? "-" : given) }) as const;

/** One of these. */
export const oneOf = <const T extends string>(choices: readonly T[], describe: string) =>
  ({ type: "string", requiresArg: true, choices, describe }) as const;

/** Yes or no. */
export const flag = (describe: string) => ({ type: "boolean", default: false, describe }) as const;

/** Texts with commas between; the option may be repeated. */
export const list = (describe: string) =>
  ({
    type: "string",
    array: true,
    nargs: 1,
    describe,
    coerce: (given: readonly string[] | undefined): readonly string[] | undefined =>
      given?.flatMap((one) => one.split(",")).filter((one) => one !== ""),
  }) as const;

/** Texts that may have commas in them: the option is repeated. */
export const several = (describe: string) => ({ type: "string", array: true, nargs: 1, describe }) as const;

/** A whole number in a range. `name` is the option with its hyphens. */
export const whole = (name: string, range: { readonly min: number; readonly max: number }, describe: string) =>
  ({
    type: "string",
    requiresArg: true,
    describe,
    coerce: (given: string | undefined): number | undefined => {
      if (given === undefined) return undefined;
      const number = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
      if (number >= range.min && number <= range.max) return number;
      throw usage(`${name} must be a whole number from ${range.min} to ${range.max}`);
    },
  }) as const;

/** `name=value` each, as an object. @throws Failure that names the option. */
export function pairs(given: readonly string[], option: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    given.map((one) => {
      const cut = one.indexOf("=");
      if (cut < 1) throw usage(`${option} must be name=value`);
      return [one.slice(0, cut), one.slice(cut + 1)];
    }),
  );
}

/** Members of which the value is given. */
export const given = <T extends object>(members: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is undefined is left out, which is what the type says
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof T]?: Exclude<T[K], undefined>;
  };
