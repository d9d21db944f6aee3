// The statuses that the document gives to operations for common reasons do happen there: none is written down for show.
import { describe, expect, it } from "vitest";
import { MANAGEMENT_BYTES_MAX, REQUEST_BYTES_MAX } from "../../src/core/limits.ts";
import type { HttpDeps } from "../../src/http/app.ts";
import { Unavailable } from "../../src/ports.ts";
import { DOCUMENT, pathAt, SEEN } from "../contract.ts";
import { fakeHttp, keyWith, ROOT, type Asked } from "../http.ts";

const OPERATIONS = Object.entries(DOCUMENT.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

/** Why each of these may be answered, whatever the operation is. */
const COMMON = new Set(["400", "401", "403", "404", "413", "415", "500", "503"]);

/** An API whose routes and buses cannot be asked. */
function failing(reason: Error): ReturnType<typeof fakeHttp> {
  const fail = async () => {
    throw reason;
  };
  const asked = new Proxy({}, { get: () => fail });
  return fakeHttp(undefined, { routes: asked as HttpDeps["routes"], buses: asked as HttpDeps["buses"] });
}

type Ask = (asked: Asked) => Promise<unknown>;

async function provoke(ask: Ask, http: ReturnType<typeof fakeHttp>, body: "read" | "hashed" | "none"): Promise<void> {
  await ask({ key: null });
  for (const scope of ["publish", "read"]) await ask({ key: await keyWith(http, [scope]) });
  await ask({ key: await keyWith(http, ["read"]), headers: { "fantail-bus": "eu" } });
  await ask({ headers: { "fantail-bus": "Not A Name" } });
  await ask({ headers: { "fantail-bus": "nowhere" } });
  if (body === "read") await ask({ json: {} });
  if (body !== "none") {
    const json = {
      "content-type": "application/json",
      ...(body === "hashed" ? { "idempotency-key": "k" } : {}),
    };
    await ask({ body: "{", headers: json });
    await ask({ body: "{}", headers: { ...json, "content-type": "text/plain", "content-encoding": "br" } });
    await ask({ body: "x".repeat(Math.max(MANAGEMENT_BYTES_MAX, REQUEST_BYTES_MAX) + 1), headers: json });
  }
}

describe.each(OPERATIONS.map((one) => [one.operation.operationId, one] as const))(
  "%s",
  (id, { path, method, operation }) => {
    it("answers what the document says that it can", async () => {
      const target = pathAt(path, method);
      const hasBody = operation.requestBody !== undefined;
      const http = fakeHttp();
      // A request that can be repeated is told from others by its body, also where nothing is read in it.
      // Who signs in brings the key as what is asked for.
      const ask = (asked: Asked): Promise<unknown> => {
        const { key = ROOT, ...rest } = asked;
        const isSignIn = id === "signIn" && rest.json === undefined && rest.body === undefined;
        return http.ask(method, target, isSignIn ? { ...rest, key: null, json: { key: key ?? "none" } } : asked);
      };
      await provoke(ask, http, hasBody ? "read" : method === "POST" ? "hashed" : "none");
      for (const reason of [new Error("A defect"), new Unavailable("Away")])
        await failing(reason).ask(
          method,
          target,
          hasBody ? { json: id === "signIn" ? { key: await keyWith(http, ["read"]) } : {} } : {},
        );
      const documented = Object.keys(operation.responses).filter((status) => COMMON.has(status));
      // What needs no key asks nobody, so that nothing can fail there but by a defect.
      const expected = operation.parameters?.some((one) => "$ref" in one && one.$ref.endsWith("/fantail-bus"))
        ? documented
        : [];
      expect(expected.filter((status) => !SEEN.has(`${id} ${status}`))).toEqual([]);
    });
  },
);
