/** What the service tells about itself, without a key. */
import * as z from "zod";
import type { ZodOpenApiPathsObject } from "zod-openapi";
import { answer, bare, operation } from "./operation.ts";

const health = z
  .object({ status: z.literal("ok"), version: z.string().meta({ description: "Of Fantail." }) })
  .meta({ id: "Health" });

const openapi = z
  .looseObject({
    openapi: z.string(),
    info: z.record(z.string(), z.unknown()),
    paths: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "OpenApi", description: "An OpenAPI 3.1 document." });

export const servicePaths: ZodOpenApiPathsObject = {
  "/healthz": {
    get: operation({
      id: "getHealth",
      tag: "Service",
      summary: "Whether the service answers",
      description: "It asks neither the database nor the queues.",
      access: "nobody",
      answers: { 200: answer("It does.", { schema: health, example: { status: "ok", version: "0.1.0" } }) },
      problems: [],
    }),
  },
  "/openapi.json": {
    get: operation({
      id: "getOpenApi",
      tag: "Service",
      summary: "This document",
      description: "Made from the schemas that validate requests.",
      access: "nobody",
      requestHeaders: ["if-none-match"],
      answers: {
        200: answer("The document.", {
          schema: openapi,
          example: { openapi: "3.1.1", info: { title: "Fantail", version: "0.1.0" }, paths: {} },
          more: ["etag"],
        }),
        304: bare("It still is that document.", ["etag"]),
      },
      problems: [],
    }),
  },
};
