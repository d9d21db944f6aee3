/** What requests say of keys: the schemas that validate them. */
import * as z from "zod";
import {
  KEY_ORIGIN_CHARS_MAX,
  KEY_ORIGINS_MAX,
  KEY_OVERLAP_SECONDS_DEFAULT,
  KEY_OVERLAP_SECONDS_MAX,
  KEY_TYPE_CHARS_MAX,
  KEY_TYPES_MAX,
  RATE_PERIOD_SECONDS,
  RATE_REQUESTS,
} from "../../core/limits.ts";
import { WELL_FORMED } from "../../core/words.ts";
import { RATE_TIERS, SCOPES } from "../../ports.ts";
import { nameMember, orNull, pageParameters, repeated, timeText, wellFormed } from "./parts.ts";

export const scopes = z
  .array(z.enum(SCOPES))
  .min(1)
  .max(SCOPES.length)
  .meta({ description: "What it may do: publish events; read what is on record; manage everything of the bus." });

export const types = z
  .array(
    z
      .string()
      .min(1)
      .max(KEY_TYPE_CHARS_MAX)
      .refine(wellFormed, WELL_FORMED)
      .refine((type) => !type.slice(0, -1).includes("*"), "must hold * at its end only")
      .meta({ override: { pattern: "^[^*]*[*]?$" } }),
  )
  .min(1)
  .max(KEY_TYPES_MAX)
  .meta({
    description:
      "Event types that it may publish: each exactly, or all that begin so when it ends in `*`. Null: all. Only of a key that can but publish.",
    examples: [["order.created", "invoice.*"]],
  })
  .nullable();

/** As browsers write it: `new URL(x).origin`. A host may hold a `*` there, and no page has such an origin. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text && !text.includes("*");
}

export const allowedOrigins = z
  .array(
    z
      .string()
      .max(KEY_ORIGIN_CHARS_MAX)
      .refine(isOrigin, "must be an origin as browsers write it, like https://shop.example.com")
      .meta({ override: { minLength: 1, pattern: "^https?://[^/*\\s]+$" } }),
  )
  .min(1)
  .max(KEY_ORIGINS_MAX)
  .meta({
    description:
      "Origins whose pages may use it, and nobody else may. Null: it is not for browsers. Only of a key that can but publish.",
    examples: [["https://shop.example.com"]],
  })
  .nullable();

export const rateLimit = z.enum(RATE_TIERS).meta({
  description: `Publishes in ${RATE_PERIOD_SECONDS} s at one location: ${RATE_REQUESTS.low}, ${RATE_REQUESTS.standard} or ${RATE_REQUESTS.high}.`,
});

const expiresAt = timeText
  .meta({
    override: {
      type: "string",
      format: "date-time",
      description: "It is refused from then on, within ten years; null: never.",
    },
  })
  .nullable();

/** What a key that is not public can do, a key that is limited to types or to browsers must not. */
const LIMITED = ["types", "allowed_origins"] as const;

function refuseLimitsOfOthers(
  key: { readonly scopes: readonly string[]; readonly types: unknown; readonly allowed_origins: unknown },
  context: z.RefinementCtx,
): void {
  if (key.scopes.every((scope) => scope === "publish")) return;
  for (const name of LIMITED) {
    if (key[name] === null) continue;
    context.addIssue({ code: "custom", path: [name], message: "must be null unless scopes is publish alone" });
  }
}

const settings = {
  name: nameMember,
  scopes,
  types: types.default(null),
  allowed_origins: allowedOrigins.default(null),
  rate_limit: rateLimit.default("standard"),
  expires_at: expiresAt.default(null),
};

/** A key to be made, or as a patch leaves it, nulls merged away. That `expires_at` lies ahead is for who has a clock. */
export const keyBody = z.strictObject(settings).superRefine(refuseLimitsOfOthers);

export const keyCreate = z
  .strictObject({ ...settings, rate_limit: orNull(settings.rate_limit) })
  .meta({ id: "KeyCreate", description: "A key to be made. It grants nothing that its maker may not do." });

/** What a patch of a key may name. What it leaves is checked by `keyBody`. */
export const keyPatch = z
  .strictObject({
    name: nameMember.unwrap().optional(),
    scopes: scopes.optional(),
    types: types.optional(),
    allowed_origins: allowedOrigins.optional(),
    rate_limit: rateLimit.nullable().optional(),
    expires_at: expiresAt.optional(),
    ...repeated([
      "id",
      "bus",
      "last_used_at",
      "replaced_by",
      "status",
      "created_at",
      "updated_at",
      "version",
      "effective_at",
    ]),
  })
  .meta({ id: "KeyPatch", description: "What is to change (RFC 7396). An answer can be edited and sent back." });

export const rotateBody = z
  .strictObject({
    overlap_s: z
      .int()
      .min(0)
      .max(KEY_OVERLAP_SECONDS_MAX)
      .meta({ description: "For how long the former key goes on." })
      .default(KEY_OVERLAP_SECONDS_DEFAULT),
  })
  .meta({ id: "KeyRotate" });

export const keyQuery = z.strictObject(pageParameters("keys"));
