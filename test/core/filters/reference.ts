// A pattern matcher written apart from src/, as naively as the language can be told: the event becomes a list of values with their paths
// and the elements of arrays they are in, and fields are tried against all of them in the order of their paths, with backtracking.
type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type Scalar = string | number | boolean | null;

interface Value {
  readonly path: string;
  readonly value: Scalar;
  /** Array → element, for all arrays that are around it; not for one whose element it is itself. */
  readonly elements: ReadonlyMap<number, number>;
}

interface Rule {
  readonly [path: string]: readonly Json[];
}

const isObject = (value: unknown): value is { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function flatten(event: unknown): readonly Value[] {
  const values: Value[] = [];
  let arrays = 0;
  const walk = (value: unknown, path: string, elements: ReadonlyMap<number, number>): void => {
    if (Array.isArray(value)) {
      const array = arrays++;
      for (const [index, element] of value.entries()) {
        const isPart = typeof element === "object" && element !== null;
        walk(element, path, isPart ? new Map([...elements, [array, index]]) : elements);
      }
    } else if (isObject(value)) {
      for (const [key, inner] of Object.entries(value)) walk(inner, path === "" ? key : `${path}.${key}`, elements);
    } else values.push({ path, value: value as Scalar, elements });
  };
  walk(event, "", new Map());
  return values;
}

/** Every way to choose from `$or`. */
function rulesOf(
  pattern: { readonly [key: string]: Json },
  path = "",
  before: readonly Rule[] = [{}],
): readonly Rule[] {
  let rules = before;
  for (const [key, value] of Object.entries(pattern)) {
    const at = path === "" ? key : `${path}.${key}`;
    if (key === "$or")
      rules = (value as readonly { readonly [key: string]: Json }[]).flatMap((one) => rulesOf(one, path, rules));
    else if (isObject(value)) rules = rulesOf(value, at, rules);
    else rules = rules.map((rule) => ({ ...rule, [at]: value as readonly Json[] }));
  }
  return rules;
}

function consistent(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): boolean {
  return [...a].every(([array, index]) => (b.get(array) ?? index) === index);
}

export function matches(pattern: unknown, event: unknown): boolean {
  const values = flatten(event);
  return rulesOf(pattern as { readonly [key: string]: Json }).some((rule) => {
    const paths = Object.keys(rule).toSorted();
    const search = (index: number, chosen: ReadonlyMap<number, number>): boolean => {
      const path = paths[index];
      if (path === undefined) return true;
      const tests = rule[path] ?? [];
      const there = values.filter((value) => value.path === path && consistent(chosen, value.elements));
      if (there.length === 0 && tests.some((test) => isObject(test) && test["exists"] === false))
        if (search(index + 1, chosen)) return true;
      return there.some(
        ({ value, elements }) =>
          tests.some((test) => passes(test, value)) && search(index + 1, new Map([...chosen, ...elements])),
      );
    };
    return search(0, new Map());
  });
}

const textOf = (value: unknown): string => {
  if (typeof value !== "string") throw new Error("No text");
  return value;
};

const lower = (text: string): string => Array.from(text, (character) => character.toLowerCase()).join("");

function passes(test: Json, value: Scalar): boolean {
  if (!isObject(test)) return test === value;
  const [[operator, operand] = ["", null]] = Object.entries(test);
  const text = typeof value === "string" ? value : null;
  switch (operator) {
    case "exists":
      return operand === true;
    case "exactly":
      return operand === value;
    case "prefix":
    case "suffix": {
      const ignoring = isObject(operand);
      const part = textOf(isObject(operand) ? operand["equals-ignore-case"] : operand);
      if (text === null) return false;
      const [whole, wanted] = ignoring ? [lower(text), lower(part)] : [text, part];
      return operator === "prefix"
        ? whole.slice(0, wanted.length) === wanted
        : whole.slice(whole.length - wanted.length) === wanted && whole.length >= wanted.length;
    }
    case "equals-ignore-case":
      return text !== null && lower(text) === lower(textOf(operand));
    case "wildcard":
      return text !== null && wildcard(textOf(operand), text);
    case "numeric":
      return typeof value === "number" && numeric(operand as readonly Json[], value);
    case "anything-but": {
      if (!isObject(operand)) return ![operand].flat().includes(value);
      const [[inner, texts] = ["", null]] = Object.entries(operand);
      return ![texts].flat().some((one) => passes({ [inner]: one }, value));
    }
    default:
      throw new Error(operator);
  }
}

function numeric(operand: readonly Json[], value: number): boolean {
  for (let index = 0; index < operand.length; index += 2) {
    const bound = Number(operand[index + 1]);
    const holds = {
      "=": value === bound,
      "<": value < bound,
      "<=": value <= bound,
      ">": value > bound,
      ">=": value >= bound,
    };
    if (!holds[textOf(operand[index]) as keyof typeof holds]) return false;
  }
  return true;
}

/** Tried at every place. */
function wildcard(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern[0] === "*")
    return Array.from({ length: text.length + 1 }, (_, at) => at).some((at) =>
      wildcard(pattern.slice(1), text.slice(at)),
    );
  const [character, rest] = pattern[0] === "\\" ? [pattern[1], pattern.slice(2)] : [pattern[0], pattern.slice(1)];
  return text !== "" && text[0] === character && wildcard(rest, text.slice(1));
}
