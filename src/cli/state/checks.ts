/** What values a member may have: checks to be put together. Pure; a fault never repeats a value, for it may be a secret. */
import { isList, isMembers } from "../../core/json-value.ts";
import {
  memberName,
  atMost,
  integerFault,
  mustBe,
  NOT_EMPTY,
  oneOf as oneOfWords,
  REQUIRED,
  UNKNOWN,
  type Unit,
} from "../../core/words.ts";
import type { Fault as CoreFault } from "../../core/problem.ts";
import type { Fault, Path } from "./outline.ts";

/** Tells all that is wrong with the value at the path. Null stands for the default, and is not checked. */
export type Check = (value: unknown, path: Path) => readonly Fault[];

const fault = (path: Path, words: string | null): readonly Fault[] => (words === null ? [] : [{ path, words }]);

/** A string that is not empty. */
export const text =
  (charsMax: number): Check =>
  (value, path) => {
    if (typeof value !== "string") return fault(path, mustBe("a string"));
    if (value === "") return fault(path, NOT_EMPTY);
    return fault(path, value.length > charsMax ? atMost(charsMax, "characters") : null);
  };

export const integer =
  (min: number, max: number): Check =>
  (value, path) =>
    fault(path, typeof value === "number" ? integerFault(value, { min, max }) : mustBe("an integer"));

export const oneOf =
  (values: readonly unknown[]): Check =>
  (value, path) =>
    fault(path, values.includes(value) ? null : oneOfWords(values));

export const listOf =
  (check: Check, max: number, unit: Unit = "entries"): Check =>
  (value, path) => {
    if (!isList(value)) return fault(path, mustBe("an array"));
    if (value.length > max) return fault(path, atMost(max, unit));
    return value.flatMap((element, index) => check(element, [...path, index]));
  };

/** An object of these members and no others. */
export const members =
  (checks: Readonly<Record<string, Check>>, required: readonly string[] = []): Check =>
  (value, path) => {
    if (!isMembers(value)) return fault(path, mustBe("an object"));
    return [
      ...required
        .filter((name) => value[name] === undefined || value[name] === null)
        .map((name) => ({ path: [...path, name], words: REQUIRED })),
      ...Object.entries(value).flatMap(([name, member]) => {
        const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
        if (check === undefined) return fault([...path, name], UNKNOWN);
        return member === null ? [] : check(member, [...path, name]);
      }),
    ];
  };

/** What core/ judges: its faults point into the value, and name what they point to. */
export const judged =
  (faultsOf: (value: unknown) => readonly CoreFault[]): Check =>
  (value, path) =>
    faultsOf(value).map(({ pointer, detail }) => {
      const inner =
        pointer === ""
          ? []
          : pointer
              .slice(1)
              .split("/")
              .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
      const name = memberName(pointer);
      const words = detail.startsWith(`${name} `) ? detail.slice(name.length + 1) : `cannot be taken: ${detail}`;
      return { path: [...path, ...inner], words };
    });
