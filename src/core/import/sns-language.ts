/** What the two scopes of SNS filter policies have in common: the operators, and a `$or` that must not say a field twice. */
import { isList, isMembers, type Members } from "../json-value.ts";
import { memberPointer } from "../problem.ts";
import { type Findings, refuse } from "./findings.ts";
import {
  anythingBut,
  checkCidr,
  checkExists,
  checkNumeric,
  checkText,
  checkTextNotEmpty,
  type Language,
  operatorOf,
} from "./pattern-language.ts";

/** The operators that the Developer Guide documents; `anything-but` takes values or a prefix. */
export const SNS: Language = {
  service: "SNS",
  operators: new Map([
    ["prefix", checkText],
    ["suffix", checkText],
    ["equals-ignore-case", checkText],
    ["anything-but", anythingBut(new Map([["prefix", checkTextNotEmpty]]))],
    ["numeric", checkNumeric],
    ["cidr", checkCidr],
    ["exists", checkExists],
  ]),
  numberMax: 1e9,
  fractionDigitsMax: 5,
  textFault: () => null,
};

export const asksExists = (value: unknown, wanted: boolean): boolean => {
  const [name, operand] = operatorOf(value) ?? [];
  return name === "exists" && operand === wanted;
};

/**
 * Refuses a branch of `$or` that names a field which stands beside the `$or` as well: in a pattern the branch replaces it, and SNS does not
 * say what it does.
 */
export function refuseRepeats(members: Members, pointer: string, findings: Findings): void {
  for (const [name, value] of Object.entries(members)) {
    const at = memberPointer(pointer, name);
    if (name !== "$or") {
      if (isMembers(value)) refuseRepeats(value, at, findings);
      continue;
    }
    const beside = Object.fromEntries(Object.entries(members).filter(([other]) => other !== "$or"));
    for (const [index, branch] of branchesOf(members).entries()) {
      const branchAt = `${at}/${index}`;
      if (meet(branch, beside)) {
        refuse(
          findings,
          branchAt,
          "must not name a field that stands beside $or: SNS does not say which of the two counts",
        );
      }
      refuseRepeats(branch, branchAt, findings);
    }
  }
}

const branchesOf = (members: Members): readonly Members[] => {
  const value = Object.hasOwn(members, "$or") ? members["$or"] : undefined;
  return isList(value) ? value.filter(isMembers) : [];
};

/** Whether two objects name the same field, branches included. */
function meet(one: Members, other: Members): boolean {
  return (
    branchesOf(one).some((branch) => meet(branch, other)) ||
    branchesOf(other).some((branch) => meet(one, branch)) ||
    Object.entries(one).some(([name, value]) => {
      if (name === "$or" || !Object.hasOwn(other, name)) return false;
      const same = other[name];
      return !isMembers(value) || !isMembers(same) || meet(value, same);
    })
  );
}
