// What the other services say that their filters mean, straight from their documentation: the other side of every translation.
import { isList, isMembers, type Json, matches, type Members, takesLeaf, textOf } from "./naive-target.ts";

/** EventBridge: its patterns are Fantail's, on its own envelope. The event of EventBridge that a CloudEvent stands for. */
export function eventBridgeTakes(pattern: Members, event: Members): boolean {
  const { type, data, awsregion, ...rest } = event;
  const envelope = { ...rest, "detail-type": type, detail: data, region: awsregion };
  const present = Object.entries(envelope).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return matches(pattern, Object.fromEntries(present));
}

/** SNS, MessageBody. "Key matching": exists true asks for a value that is neither null nor empty. */
export function snsBodyTakes(policy: Members, body: Members): boolean {
  return matches(policy, body, (leaf, value) =>
    isMembers(value) && value["exists"] === true ? leaf !== null && leaf !== "" : takesLeaf(leaf, value),
  );
}

/** Event Grid, "Understand event filtering": an advanced filter on an event whose key may be absent, null, a scalar or an array of those. */
export function advancedFilterTakes(filter: Members, event: Members, readsArrays: boolean): boolean {
  const { operatorType, key } = filter;
  const found = textOf(key)
    .split(".")
    .reduce<Json | undefined>(
      (node, name) => (isMembers(node) && Object.hasOwn(node, name) ? node[name] : undefined),
      event,
    );
  if (operatorType === "IsNullOrUndefined") return found === undefined || found === null;
  if (operatorType === "IsNotNull") return found !== undefined && found !== null;
  if (found === undefined) return operatorType === "NumberNotIn" || operatorType === "StringNotIn";
  if (isList(found) && !readsArrays) return false;
  const name = textOf(operatorType);
  const negated = name.includes("Not");
  const values = filter["values"] ?? [filter["value"] ?? null];
  const met = (isList(found) ? found : [found]).some(
    (one) => isList(values) && values.some((value) => compares(name.replace("Not", ""), one, value)),
  );
  return met !== negated;
}

/** Values "with data types that don't match the filter's data type are ignored"; "all string comparisons aren't case-sensitive". */
function compares(operator: string, key: Json, value: Json): boolean {
  if (operator.startsWith("String")) {
    if (typeof key !== "string") return false;
    const [text, wanted] = [key.toLowerCase(), textOf(value).toLowerCase()];
    if (operator === "StringIn") return text === wanted;
    if (operator === "StringContains") return text.includes(wanted);
    return operator === "StringBeginsWith" ? text.startsWith(wanted) : text.endsWith(wanted);
  }
  if (operator === "BoolEquals") return key === value;
  if (typeof key !== "number") return false;
  if (operator === "NumberIn") return key === value;
  if (operator === "NumberInRange") return isList(value) && key >= Number(value[0]) && key <= Number(value[1]);
  if (operator === "NumberLessThan") return key < Number(value);
  if (operator === "NumberLessThanOrEquals") return key <= Number(value);
  return operator === "NumberGreaterThan" ? key > Number(value) : key >= Number(value);
}
