/** What the two scopes of SNS filter policies have in common: the operators, and a `$or` that must not say a field twice. */
import { isList, isMembers, type Members } from "../json-value.ts";
import { memberPointer } from "../problem.ts";
import { type Findings, refuse } from "./findings.ts";
import { anyOperand, anythingButOnly, type Language, operatorOf, textOnly } from "./pattern-language.ts";

/** The operators that the Developer Guide documents; `anything-but` takes values or a prefix. */
export const SNS: Language = {
  service: "SNS",
  operators: new Map([
    ["prefix", textOnly],
    ["suffix", textOnly],
    ["equals-ignore-case", anyOperand],
    ["anything-but", anythingButOnly("prefix")],
    ["numeric", anyOperand],
    ["cidr", anyOperand],
    ["exists", anyOperand],
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
    const beside = namesOf(Object.fromEntries(Object.entries(members).filter(([other]) => other !== "$or")), new Map());
    for (const [index, branch] of branchesOf(value).entries()) {
      const branchAt = `${at}/${index}`;
      if (names(branch, beside)) refuse(findings, branchAt, REPEATS);
      refuseRepeats(branch, branchAt, findings);
    }
  }
}

const REPEATS = "must not name a field that stands beside $or: SNS does not say which of the two counts";

const branchesOf = (value: unknown): readonly Members[] => (isList(value) ? value.filter(isMembers) : []);

/** The fields of an object with those of all branches in it, merged: a tree, so that looking for one takes one look a level. */
type Names = Map<string, Names | "values">;

function namesOf(members: Members, into: Names): Names {
  for (const [name, value] of Object.entries(members)) {
    if (name === "$or") for (const branch of branchesOf(value)) namesOf(branch, into);
    else if (!isMembers(value)) into.set(name, "values");
    else {
      const known = into.get(name) ?? new Map();
      if (known !== "values") into.set(name, namesOf(value, known));
    }
  }
  return into;
}

/** Whether an object or a branch in it names one of the fields. */
function names(members: Members, fields: Names): boolean {
  return Object.entries(members).some(([name, value]) => {
    if (name === "$or") return branchesOf(value).some((branch) => names(branch, fields));
    const same = fields.get(name);
    return same !== undefined && (same === "values" || !isMembers(value) || names(value, same));
  });
}
