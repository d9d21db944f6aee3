/** A filter in the document. It refers to itself, and core/ rules it: that is why all of it is written by hand. */
import {
  ATTRIBUTE_NAME_CHARS_MAX,
  ATTRIBUTE_VALUE_BYTES_MAX,
  ATTRIBUTES_MAX,
  FILTER_DEPTH_MAX,
  FILTER_NODES_MAX,
  PATTERN_ALTERNATIVES_MAX,
  PATTERN_DEPTH_MAX,
  SQL_CHARS_MAX,
} from "../../core/limits.ts";
import type { JsonSchema } from "./parts.ts";

/** What an attribute is compared to. */
export const COMPARED: JsonSchema = { type: "string", minLength: 1, maxLength: ATTRIBUTE_VALUE_BYTES_MAX };

const comparisons = (description: string): JsonSchema => ({
  type: "object",
  description,
  minProperties: 1,
  maxProperties: ATTRIBUTES_MAX,
  propertyNames: { pattern: `^[a-z0-9]{1,${ATTRIBUTE_NAME_CHARS_MAX}}$` },
  additionalProperties: COMPARED,
});

export const FILTER_REF = { $ref: "#/components/schemas/Filter" } as const;
const PATTERN_REF = { $ref: "#/components/schemas/Pattern" } as const;
const VALUES_REF = { $ref: "#/components/schemas/PatternValues" } as const;

/** An object with that one member. */
const only = (name: string, schema: JsonSchema | typeof FILTER_REF | typeof PATTERN_REF): JsonSchema => ({
  type: "object",
  required: [name],
  properties: { [name]: schema },
  additionalProperties: false,
});

const FILTER: JsonSchema = {
  description: `A condition on an event: one dialect. \`exact\`, \`prefix\`, \`suffix\`, \`all\`, \`any\`, \`not\` and \`sql\` are of the CloudEvents Subscriptions API and see attributes; \`pattern\` is the event pattern language of EventBridge and sees data too. All filters of a subscription together have at most ${FILTER_NODES_MAX} dialect objects, and ${FILTER_DEPTH_MAX} levels of \`all\`, \`any\` and \`not\`.`,
  oneOf: [
    only("exact", comparisons("Every attribute equals its string.")),
    only("prefix", comparisons("Every attribute begins with its string.")),
    only("suffix", comparisons("Every attribute ends with its string.")),
    only("all", { type: "array", description: "Every filter holds.", minItems: 1, items: FILTER_REF }),
    only("any", { type: "array", description: "At least one filter holds.", minItems: 1, items: FILTER_REF }),
    only("not", FILTER_REF),
    only("pattern", PATTERN_REF),
    only("sql", {
      type: "string",
      description: "An expression of CloudEvents SQL 1.0. It holds when it is true, without an error.",
      minLength: 1,
      maxLength: SQL_CHARS_MAX,
      examples: ["type LIKE 'order.%' AND NOT EXISTS test"],
    }),
  ],
};

const PATTERN: JsonSchema = {
  type: "object",
  description: `Fields of the event's JSON form that must all hold: attributes, and \`data\`. A value is an object of more fields, or an array of which any entry holds. \`$or\` lists at least two such objects of which any holds. At most ${PATTERN_DEPTH_MAX} levels, and ${PATTERN_ALTERNATIVES_MAX} alternatives.`,
  minProperties: 1,
  properties: { $or: { type: "array", minItems: 2, items: PATTERN_REF } },
  additionalProperties: { oneOf: [PATTERN_REF, VALUES_REF] },
  examples: [{ data: { total: [{ numeric: [">", 100] }], currency: ["EUR"] } }],
};

const TEXT: JsonSchema = { type: "string", maxLength: ATTRIBUTE_VALUE_BYTES_MAX };
const FILLED: JsonSchema = { ...TEXT, minLength: 1 };
const IGNORING_CASE = only("equals-ignore-case", TEXT);
const oneOrMore = (schema: JsonSchema): JsonSchema => ({
  oneOf: [schema, { type: "array", minItems: 1, items: schema }],
});

const VALUES: JsonSchema = {
  type: "array",
  description: "Any of them holds: a value that is equal, or an operator.",
  minItems: 1,
  items: {
    oneOf: [
      { ...TEXT, type: ["string", "number", "boolean", "null"] },
      only("prefix", { oneOf: [TEXT, IGNORING_CASE] }),
      only("suffix", { oneOf: [TEXT, IGNORING_CASE] }),
      IGNORING_CASE,
      only("wildcard", { ...TEXT, description: "`*` is any text; `\\*` and `\\\\` are themselves." }),
      only("anything-but", {
        oneOf: [
          oneOrMore(TEXT),
          oneOrMore({ type: "number" }),
          only("prefix", oneOrMore(FILLED)),
          only("suffix", oneOrMore(FILLED)),
          only("equals-ignore-case", oneOrMore(TEXT)),
          only("wildcard", oneOrMore(TEXT)),
        ],
      }),
      only("numeric", {
        type: "array",
        description: "One comparison, or a lower and an upper bound.",
        minItems: 2,
        maxItems: 4,
        items: { type: ["string", "number"] },
        examples: [[">", 0, "<=", 5]],
      }),
      only("cidr", { type: "string", description: "A network of IPv4 or IPv6.", examples: ["10.0.0.0/8"] }),
      only("exists", { type: "boolean", description: "Whether there is a value at all." }),
      only("exactly", TEXT),
    ],
  },
};

/** The schemas of the document that a filter consists of. */
export const FILTER_SCHEMAS = { Filter: FILTER, Pattern: PATTERN, PatternValues: VALUES };
