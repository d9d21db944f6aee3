/** Problems as the document shows them: one schema, and for each operation and status the slugs that can occur there. */
import * as z from "zod";
import type { ZodOpenApiResponsesObject } from "zod-openapi";
import { ID_PATTERNS } from "../../core/ids.ts";
import { FAULTS_MAX } from "../../core/limits.ts";
import { PROBLEM_BASE, PROBLEMS, type Fault, type ProblemSlug } from "../../core/problem.ts";
import { headers } from "./headers.ts";

const SLUGS = Object.keys(PROBLEMS).filter((slug): slug is ProblemSlug => Object.hasOwn(PROBLEMS, slug));

const problemTypes = SLUGS.map((slug) => PROBLEM_BASE + slug);

export const problemSchema = z
  .object({
    type: z.enum(problemTypes).meta({ description: "What kind of problem it is, for programs." }),
    title: z.string().meta({ description: "The same for every problem of a type." }),
    status: z.int().min(400).max(599),
    detail: z.string().min(1).optional().meta({ description: "What is wrong with this request." }),
    instance: z
      .string()
      .regex(new RegExp(ID_PATTERNS.request))
      .meta({ description: "The id of the request, also in `x-request-id`." }),
    errors: z
      .array(
        z
          .object({
            pointer: z.string().meta({ description: "JSON Pointer (RFC 6901) into the body that was sent." }),
            detail: z.string(),
          })
          .meta({ id: "Fault", description: "One thing that is wrong with the body." }),
      )
      .max(FAULTS_MAX)
      .optional()
      .meta({ description: "Everything that is wrong with the body; the detail says when there is more." }),
  })
  .meta({
    id: "Problem",
    description: "What went wrong, as in RFC 9457. `docs/problems.md` says what to do about each type.",
  });

/** The `detail`, and `errors`, of a typical one. */
const DETAILS: Readonly<Record<ProblemSlug, readonly [detail: string, ...errors: Fault[]]>> = {
  "malformed-body": ["The body broke off before its end"],
  "malformed-json": ["The body is not valid JSON at line 1, column 18"],
  "invalid-parameter": ["limit must be at most 200"],
  "invalid-header": ["fantail-bus must be 1 to 32 of a-z, 0-9 and hyphen"],
  unauthorized: ["The key is not valid"],
  forbidden: ["The key has not the scope manage"],
  "not-found": ["There is no such thing"],
  "bus-not-found": ["There is no bus eu"],
  "method-not-allowed": ["The methods here are GET, HEAD, OPTIONS"],
  "attempt-in-progress": ["An attempt of this delivery is in progress; its outcome comes first"],
  "event-erased": ["The event of this delivery is erased: there is nothing left to send"],
  "bus-being-deleted": ["A bus eu was deleted less than 20 minutes ago, or what it had is not all removed yet"],
  "limit-reached": ["The bus has 1000 keys, the limit"],
  "version-mismatch": ["The subscription has version 12 by now"],
  "payload-too-large": ["The body must have at most 262144 bytes"],
  "unsupported-media-type": ["content-type must be application/json"],
  "invalid-event": ["source is required", { pointer: "/source", detail: "source is required" }],
  "invalid-request": [
    "timeout_ms must be at most 60000",
    { pointer: "/timeout_ms", detail: "timeout_ms must be at most 60000" },
  ],
  "idempotency-key-reused": ["The idempotency-key came with another request within 24 h"],
  "too-many-hops": ["fantail-hops must be at most 5"],
  "too-many-streams": ["The bus has 50 open streams, the limit: close one, or wait until one ends"],
  "rate-limited": ['The key has made more than 1000 publishes in 10 s, the limit of its rate_limit "standard"'],
  "internal-error": [""],
  unavailable: ["Not everything was confirmed; the same request may be sent again"],
};

/** The typical problem of each slug that an operation has: components of the document, which operations refer to. */
export const problemExamples = () =>
  Object.fromEntries(
    SLUGS.filter((slug) => slug !== "method-not-allowed").map((slug) => {
      const [detail, ...errors] = DETAILS[slug];
      const { status, title } = PROBLEMS[slug];
      const value = {
        type: PROBLEM_BASE + slug,
        title,
        status,
        ...(detail === "" ? {} : { detail }),
        instance: "req_01jd3x8k0v7q2m9c4n5t6w8y0z",
        ...(errors.length === 0 ? {} : { errors }),
      };
      return [slug, { summary: title, value }];
    }),
  );

/** Headers of an answer with that problem. */
const HEADERS: Partial<Record<ProblemSlug, Parameters<typeof headers>[0]>> = {
  unauthorized: ["www-authenticate"],
  "unsupported-media-type": ["accept", "accept-patch", "accept-encoding"],
  "rate-limited": ["retry-after"],
  "too-many-streams": ["retry-after"],
  unavailable: ["retry-after"],
};

/** Answers with those problems, one for each status. */
export function problems(slugs: readonly ProblemSlug[]): ZodOpenApiResponsesObject {
  const inOrder = SLUGS.filter((slug) => slugs.includes(slug));
  const answers: ZodOpenApiResponsesObject = {};
  for (const [status, those] of Map.groupBy(inOrder, (slug) => PROBLEMS[slug].status)) {
    answers[`${status}`] = {
      description: those.map((slug) => `\`${slug}\`: ${PROBLEMS[slug].title}.`).join("\n\n"),
      headers: headers(["x-request-id", ...those.flatMap((slug) => HEADERS[slug] ?? [])]),
      content: {
        "application/problem+json": {
          schema: problemSchema,
          examples: Object.fromEntries(those.map((slug) => [slug, { $ref: `#/components/examples/${slug}` }])),
        },
      },
    };
  }
  return answers;
}
