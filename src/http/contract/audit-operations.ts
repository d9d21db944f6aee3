/** The audit in the document: its entries, and the operation. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { ID_PATTERNS } from "../../core/ids.ts";
import { AUDIT_ACTIONS } from "../../ports.ts";
import { answer, operation } from "./operation.ts";
import { idOf, pageOf, time } from "./parts.ts";
import { auditQuery } from "./audit.ts";

const state = (description: string) => z.record(z.string(), z.unknown()).nullable().meta({ description });

const auditEntry = z
  .object({
    id: idOf("audit", "Of this entry."),
    bus: idOf("bus", "The bus in whose audit it is. Changes of buses are in that of `default`."),
    at: time("When it was done."),
    actor: z.string().meta({
      description: "`root`, the id of a key, or `system`.",
      override: { pattern: `^root$|^system$|${ID_PATTERNS.key}` },
    }),
    request_id: idOf("request", "The request that asked for it; null: none did.").nullable(),
    action: z.enum(AUDIT_ACTIONS),
    target: z.string().min(1).meta({ description: "The id of what was changed, or the name of the bus." }),
    before: state("As it was, without secrets; null: there was nothing."),
    after: state("As it is after it, without secrets; null: there is nothing."),
  })
  .meta({ id: "AuditEntry", description: "One change, and who made it." });

export const auditPaths: ZodOpenApiPathsObject = {
  "/v1/audit": {
    get: operation({
      id: "listAudit",
      tag: "Audit",
      summary: "List who changed what",
      description: "Newest first. Entries are written with the change they tell of, and cannot be changed.",
      access: ["manage"],
      query: auditQuery,
      answers: {
        200: answer("One page.", {
          schema: pageOf("AuditPage", auditEntry),
          example: {
            data: [
              {
                id: "aud_01jd3x8k0v7q2m9c4n5t6w8y0z",
                bus: "default",
                at: "2026-11-23T09:00:00.000Z",
                actor: "root",
                request_id: "req_01jd3x8k0v7q2m9c4n5t6w8y0z",
                action: "subscription.changed",
                target: "sub_01jd3x8k0v7q2m9c4n5t6w8y0z",
                before: { status: "active" },
                after: { status: "paused" },
              },
            ],
            next_cursor: null,
          },
        }),
      },
      problems: [],
    }),
  },
};
