/** `${NAME}` in the strings of a file, filled in from the environment. Pure: the environment is passed in. */
import { isList, isMembers } from "../../core/json-value.ts";
import type { Fault, Path } from "./outline.ts";

/** `$${` is a `${` that stands for itself. */
const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

export interface Filled {
  readonly value: unknown;
  /** Whether anything of it is from the environment: then it is a secret, and not to be shown. */
  readonly isSecret: boolean;
}

/** The value with all references filled in; each variable that is not set is a fault. Names of members are left alone. */
export function fill(
  value: unknown,
  {
    path,
    env,
    faults,
  }: { readonly path: Path; readonly env: Readonly<Record<string, string | undefined>>; readonly faults: Fault[] },
): Filled {
  let isSecret = false;
  const filled = (part: unknown, at: Path): unknown => {
    if (isList(part)) return part.map((element, index) => filled(element, [...at, index]));
    if (isMembers(part))
      return Object.fromEntries(Object.entries(part).map(([name, member]) => [name, filled(member, [...at, name])]));
    if (typeof part !== "string") return part;
    return part.replaceAll(REFERENCE, (whole, name: string | undefined) => {
      if (name === undefined) return whole.slice(1);
      isSecret = true;
      const found = env[name];
      if (found === undefined || found === "")
        faults.push({ path: at, words: `names $\{${name}}, which is not set in the environment` });
      return found ?? "";
    });
  };
  return { value: filled(value, path), isSecret };
}
