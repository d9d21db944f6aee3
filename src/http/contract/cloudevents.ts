/** Events in the contract: in the JSON format of CloudEvents, and in the short form. core/ reads them; nothing here validates one. */
import * as z from "zod";
import {
  ATTRIBUTE_NAME_CHARS_MAX,
  ATTRIBUTE_VALUE_BYTES_MAX,
  ATTRIBUTES_MAX,
  EVENT_BYTES_MAX,
} from "../../core/limits.ts";

const attribute = (description: string) => z.string().min(1).max(ATTRIBUTE_VALUE_BYTES_MAX).meta({ description });
/** Null is an attribute that is not there. */
const optional = (description: string, format: Readonly<Record<string, string>> = {}) =>
  z
    .string()
    .min(1)
    .max(ATTRIBUTE_VALUE_BYTES_MAX)
    .meta({ description, ...format })
    .nullable()
    .optional();

const id = attribute("Names the event, together with `source`: published again it is the same event.");
const sourceText = "Where it happened: a URI-reference.";
const type = attribute("What happened.");
const subject = optional("What it happened to, within the source.");
const time = z.string().meta({ description: "When it happened.", format: "date-time" }).nullable().optional();
const data = z
  .unknown()
  .optional()
  .meta({ description: "The payload: any JSON. It is kept as it was sent, character by character." });

export const event = z
  .looseObject({
    specversion: z.literal("1.0"),
    id,
    source: attribute(sourceText).meta({ format: "uri-reference" }),
    type,
    subject,
    time,
    datacontenttype: optional("The media type of `data`; JSON without one."),
    dataschema: optional("What `data` adheres to: an absolute URI.", { format: "uri" }),
    data,
    data_base64: z.string().nullable().optional().meta({ description: "A payload of bytes, instead of `data`." }),
  })
  .meta({
    id: "Event",
    description: `An event in the JSON format of CloudEvents 1.0, at most ${EVENT_BYTES_MAX} bytes. All other members are extension attributes: strings, booleans or 32-bit integers, ${ATTRIBUTES_MAX} attributes in all, named with up to ${ATTRIBUTE_NAME_CHARS_MAX} of a-z and 0-9.`,
    override: {
      additionalProperties: {
        type: ["string", "boolean", "integer", "null"],
        minimum: -2_147_483_648,
        maximum: 2_147_483_647,
        maxLength: ATTRIBUTE_VALUE_BYTES_MAX,
      },
    },
  });

const shortEvent = z
  .strictObject({
    type,
    data,
    source: optional(`${sourceText} Needed with an \`id\`; else it is \`/buses/<bus>\`.`, { format: "uri-reference" }),
    id: optional("Names the event; else it is the `idempotency-key`, or made."),
    subject,
    time,
  })
  .meta({
    id: "ShortEvent",
    description: "What a person types: an object without `specversion`. The rest is filled in.",
  });

export const anyEvent = z.union([event, shortEvent]);

export const EVENT_EXAMPLE = {
  specversion: "1.0",
  id: "B-7",
  source: "/shop",
  type: "order.created",
  subject: "eu/42",
  time: "2026-11-23T09:00:00Z",
  datacontenttype: "application/json",
  data: { total: 42 },
};
