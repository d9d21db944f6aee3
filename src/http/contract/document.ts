/** The OpenAPI document: all operations of the contract in one place. Pure; it takes some milliseconds, so make it when it is asked for. */
import { createDocument } from "zod-openapi";
import { auditPaths } from "./audit-operations.ts";
import { busPaths } from "./bus-operations.ts";
import { deliveryPaths } from "./delivery-operations.ts";
import { eventPaths } from "./event-operations.ts";
import { filterPaths } from "./filter-operations.ts";
import { FILTER_SCHEMAS } from "./filter.ts";
import { answerHeaders } from "./headers.ts";
import { keyPaths } from "./key-operations.ts";
import { metricPaths } from "./metric-operations.ts";
import { problemExamples } from "./problems.ts";
import { publishLine } from "./publish-operation.ts";
import { servicePaths } from "./service-operations.ts";
import { streamedEvent, streamPaths } from "./stream-operations.ts";
import { sessionPaths } from "./session-operations.ts";
import { sinkHealthPaths } from "./sink-health-operations.ts";
import { subscriptionPaths } from "./subscription-operations.ts";

const DESCRIPTION = `Fantail routes events: producers publish CloudEvents to it, and it pushes every match to the webhooks of consumers.

JSON in and out, UTF-8. Unknown members are refused, and so are unknown query parameters wherever a key is needed: they are typos. What is refused with 4xx changed nothing.
Every answer that is no success is a problem (RFC 9457). Times are RFC 3339 in UTC. New members may be added to answers.

Every path answers \`OPTIONS\` with 204 and \`allow\`, \`HEAD\` wherever it answers \`GET\`, and any other method with 405,
\`method-not-allowed\`, and \`allow\`. A path that is not here answers 404, \`not-found\`.`;

const TAGS = [
  { name: "Events", description: "Publishing, and what is on record." },
  { name: "Deliveries", description: "What became of each event for each subscription." },
  { name: "Subscriptions", description: "Who wants which events, and how." },
  { name: "Filters", description: "Trying what a subscription would take, before it does." },
  { name: "Metrics", description: "How much, how fast, and what waits." },
  { name: "Keys", description: "Who may do what." },
  { name: "Buses", description: "Namespaces of all of these. For the root key." },
  { name: "Audit", description: "Who changed what." },
  { name: "Service", description: "About the service itself, and signing in to it." },
];

export type Document = ReturnType<typeof createDocument>;

/** The document of that version of Fantail. */
export function openApiDocument(version: string): Document {
  return createDocument(
    {
      openapi: "3.1.1",
      info: {
        title: "Fantail",
        summary: "An event router at the edge",
        version,
        description: DESCRIPTION,
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "/" }],
      tags: TAGS,
      security: [],
      paths: {
        ...eventPaths,
        ...streamPaths,
        ...deliveryPaths,
        ...subscriptionPaths,
        ...sinkHealthPaths,
        ...filterPaths,
        ...metricPaths,
        ...keyPaths,
        ...busPaths,
        ...auditPaths,
        ...sessionPaths,
        ...servicePaths,
      },
      components: {
        schemas: { ...FILTER_SCHEMAS, PublishLine: publishLine, StreamedEvent: streamedEvent },
        headers: answerHeaders,
        examples: problemExamples(),
        securitySchemes: {
          key: {
            type: "http",
            scheme: "bearer",
            description: "A key of one bus. Each operation names the scopes of which the key needs one.",
          },
          root_key: {
            type: "http",
            scheme: "bearer",
            description: "The root key of the deployment: it may do everything, on the bus that `fantail-bus` names.",
          },
          session: {
            type: "apiKey",
            in: "cookie",
            name: "fantail_session",
            description:
              "For pages of this host: either key, sealed by `POST /v1/session`. Needs the header `fantail-session`. Over HTTPS its name begins with `__Host-`.",
          },
        },
      },
    },
    {
      override: ({ jsonSchema, io }) => {
        // zod says what JavaScript can count to; that is no limit of ours.
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
        // Answers may get new members, so clients must not refuse them.
        if (io === "output" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      },
    },
  );
}
