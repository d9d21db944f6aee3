/**
 * `npm run api-types`: writes src/client/api.ts, the types of the API, from the contract; with `--check` it fails when that file is stale.
 * An emitter of our own, for the part of JSON Schema that the contract uses: what it does not know it refuses.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openApiDocument } from "../src/http/contract/document.ts";

const ROOT = join(import.meta.dirname, "..");
const FILE = "src/client/api.ts";
const HEADER = `/**
 * What the API takes and answers, as types. Made from the contract by \`npm run api-types\`: change src/http/contract/, not this file.
 */
`;

/** A JSON Schema, as far as its types go. */
interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
}

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly description?: string;
  readonly required?: boolean;
  readonly schema: Schema;
}
type Content = Readonly<Record<string, { readonly schema?: Schema }>>;
interface Operation {
  readonly operationId: string;
  readonly description: string;
  readonly parameters?: readonly (Parameter | { readonly $ref: string })[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}
interface Api {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const isJson = (type: string): boolean => /^application\/(?:[\w-]+\+)?json$/.test(type) && !type.includes("problem");

// ---- Types of schemas --------------------------------------------------------------------------------------------

const typeOf = (schema: Schema): string => union(alternatives(schema));

/** The types of which a value has one. */
function alternatives(schema: Schema): readonly string[] {
  const { $ref, type = [] } = schema;
  if ($ref !== undefined) return [$ref.slice($ref.lastIndexOf("/") + 1)];
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value));
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return options.flatMap(alternatives);
  const types = typeof type === "string" ? [type] : type;
  return types.length === 0 ? ["unknown"] : types.map((one) => plainType(one, schema));
}

const union = (types: readonly string[]): string => [...new Set(types)].join(" | ");

function plainType(type: string, schema: Schema): string {
  switch (type) {
    case "string":
    case "boolean":
    case "null":
    case "number":
      return type;
    case "integer":
      return "number";
    case "array":
      return `readonly (${typeOf(schema.items ?? {})})[]`;
    case "object":
      return objectType(schema);
    default:
      throw new Error(`There is no type for ${type}`);
  }
}

function objectType({ properties, required = [], additionalProperties }: Schema): string {
  if (properties === undefined) {
    const values = typeof additionalProperties === "object" ? typeOf(additionalProperties) : "unknown";
    return `Readonly<Record<string, ${values}>>`;
  }
  const members = Object.entries(properties).map(([name, schema]) =>
    member(name, { type: typeOf(schema), description: descriptionOf(schema), isRequired: required.includes(name) }),
  );
  // A type of their values would have to be one of all members.
  const isOpen = additionalProperties !== undefined && additionalProperties !== false;
  return `{\n${[...members, ...(isOpen ? ["readonly [name: string]: unknown;"] : [])].join("\n")}\n}`;
}

/** Of the schema, or of what it is unless it is null. */
function descriptionOf({ description, anyOf }: Schema): string | undefined {
  return description ?? anyOf?.find((option) => option.description !== undefined)?.description;
}

interface Member {
  readonly type: string;
  readonly description?: string | undefined;
  readonly isRequired: boolean;
}

function member(name: string, { type, description, isRequired }: Member): string {
  const key = /^[a-z_]\w*$/i.test(name) ? name : JSON.stringify(name);
  return `${docstring(description)}readonly ${key}${isRequired ? "" : "?"}: ${type};`;
}

const docstring = (text: string | undefined): string =>
  text === undefined ? "" : `/** ${text.replaceAll("*/", "*\\/").replaceAll("\n", "\n * ")} */\n`;

function declaration(name: string, schema: Schema): string {
  const isInterface = schema.type === "object" && schema.properties !== undefined && schema.oneOf === undefined;
  const head = docstring(schema.description);
  return isInterface
    ? `${head}export interface ${name} ${objectType(schema)}`
    : `${head}export type ${name} = ${typeOf(schema)};`;
}

// ---- Operations --------------------------------------------------------------------------------------------------

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const parametersOf = ({ parameters = [] }: Operation, place: string): readonly Parameter[] =>
  parameters.flatMap((one) => ("in" in one && one.in === place ? [one] : []));

const parametersType = (parameters: readonly Parameter[]): string =>
  `{\n${parameters
    .map(({ name, description, required = false, schema }) =>
      member(name, { type: typeOf(schema), description, isRequired: required }),
    )
    .join("\n")}\n}`;

const contentTypes = (content: Content = {}): readonly string[] =>
  Object.entries(content).flatMap(([type, { schema }]) => (isJson(type) && schema ? alternatives(schema) : []));

/** What the operation answers when it does what it is asked. */
function answerOf({ responses }: Operation): string {
  const types = Object.entries(responses).flatMap(([status, { content }]) =>
    status.startsWith("2") ? contentTypes(content) : [],
  );
  return types.length === 0 ? "null" : union(types);
}

function queryDeclaration(operation: Operation): string[] {
  const query = parametersOf(operation, "query");
  if (query.length === 0) return [];
  const name = `${capitalised(operation.operationId)}Query`;
  return [`/** The query of \`${operation.operationId}\`. */\nexport interface ${name} ${parametersType(query)}`];
}

function operationMember(path: string, method: string, operation: Operation): string {
  const { operationId, description, requestBody } = operation;
  const inPath = parametersOf(operation, "path");
  const hasQuery = parametersOf(operation, "query").length > 0;
  const body = contentTypes(requestBody?.content);
  const members = [
    `readonly method: ${JSON.stringify(method.toUpperCase())};`,
    `readonly path: ${JSON.stringify(path)};`,
    ...(inPath.length === 0 ? [] : [`readonly params: ${parametersType(inPath)};`]),
    ...(hasQuery ? [`readonly query: ${capitalised(operationId)}Query;`] : []),
    ...(body.length === 0 ? [] : [`readonly body${requestBody?.required === true ? "" : "?"}: ${union(body)};`]),
    `readonly answer: ${answerOf(operation)};`,
  ];
  return `${docstring(description)}readonly ${operationId}: {\n${members.join("\n")}\n};`;
}

/** All of it, not yet formatted. */
export function apiTypes({ paths, components }: Api): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const members = operations.map(({ path, method, operation }) => operationMember(path, method, operation));
  return [
    HEADER,
    ...Object.entries(components.schemas).map(([name, schema]) => declaration(name, schema)),
    ...operations.flatMap(({ operation }) => queryDeclaration(operation)),
    `/** Every operation by its name: where it is, what it takes and what it answers. \`null\` is an answer without a body. */\nexport interface Operations {\n${members.join("\n\n")}\n}`,
  ].join("\n\n");
}

function formatted(source: string): string {
  const { status, stdout, stderr } = spawnSync("oxfmt", [`--stdin-filepath=${FILE}`], {
    cwd: ROOT,
    input: source,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`oxfmt: ${stderr}`);
  return stdout;
}

if (import.meta.main) {
  // A text in between, because the document's own types are looser than what is in it.
  const document: Api = JSON.parse(JSON.stringify(openApiDocument("0")));
  const types = formatted(apiTypes(document));
  const path = join(ROOT, FILE);
  if (!process.argv.includes("--check")) writeFileSync(path, types);
  else if (readFileSync(path, "utf8") !== types) {
    console.error(`${FILE} is not what the contract says: run npm run api-types`);
    process.exitCode = 1;
  }
}
