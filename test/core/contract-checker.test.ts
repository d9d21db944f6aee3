// The checker of test/contract.ts: that it sees what is not as the document says, else no other test would.
import { describe, expect, it } from "vitest";
import { PROBLEM_BASE } from "../../src/core/problem.ts";
import { checkExchange, DOCUMENT } from "../contract.ts";

describe("checkExchange", () => {
  const REQUEST_ID = "req_01jd3x8k0v7q2m9c4n5t6w8y0z";
  const GOOD = { status: "ok", version: "0.1.0" };
  const check = (
    [method, path, body, more]: readonly [string, string, string?, Record<string, string>?],
    [status, json, headers]: readonly [number, unknown, Record<string, string>?],
  ) =>
    checkExchange(
      {
        method,
        url: `https://x.test${path}`,
        headers: new Headers({ "content-type": "application/json", ...more }),
        body: body ?? null,
      },
      {
        status,
        text: json === null ? "" : JSON.stringify(json),
        headers: new Headers({
          "x-request-id": REQUEST_ID,
          "cache-control": "no-store",
          "content-type": status < 400 ? "application/json" : "application/problem+json",
          ...headers,
        }),
      },
    );
  const problem = (slug: string, status: number) => ({
    type: PROBLEM_BASE + slug,
    title: "t",
    status,
    instance: REQUEST_ID,
  });
  const receipt = { accepted: 0, rejected: 0, events: [] };

  it("takes what the document says", async () => {
    await check(["GET", "/healthz"], [200, GOOD]);
    await check(["HEAD", "/healthz"], [200, null]);
    await check(["GET", "/nowhere"], [404, problem("not-found", 404)]);
    await check(["DELETE", "/healthz"], [405, problem("method-not-allowed", 405), { allow: "GET" }]);
    await check(["POST", "/v1/events", '{"type":"t"}'], [202, receipt]);
    await check(["POST", "/v1/events", '{"typo":"t"}'], [422, problem("invalid-event", 422)]);
  });

  it("knows binary mode where any body is taken, and nowhere else", async () => {
    const binary = { "content-type": "text/plain", "ce-specversion": "1.0" };
    await expect(check(["POST", "/v1/events", "x", binary], [202, receipt])).rejects.toThrow(/ce-id is missing/);
    const bus = DOCUMENT.paths["/v1/buses/{bus}"]?.["put"]?.responses["200"]?.content?.["application/json"]?.example;
    await check(["PUT", "/v1/buses/eu", "", { "ce-specversion": "1.0" }], [200, bus, { etag: '"14"' }]);
  });

  it.each([
    ["an unknown path", ["GET", "/nowhere"], [200, GOOD], /path is unknown/],
    ["an unknown method", ["DELETE", "/healthz"], [204, null], /method is unknown/],
    ["another problem at an unknown path", ["GET", "/nowhere"], [404, problem("forbidden", 404)], /is not not-found/],
    ["no problem at an unknown path", ["GET", "/nowhere"], [404, {}], /type/],
    [
      "a method that is refused without allow",
      ["DELETE", "/healthz"],
      [405, problem("method-not-allowed", 405)],
      /allow/,
    ],
    ["an unknown status", ["GET", "/healthz"], [202, GOOD], /getHealth has no such status/],
    ["no request id", ["GET", "/healthz"], [200, GOOD, { "x-request-id": "" }], /x-request-id/],
    ["a member too many", ["GET", "/healthz"], [200, { ...GOOD, more: 1 }], /getHealth, in the answer.*more/],
    ["a member too few", ["GET", "/healthz"], [200, { status: "ok" }], /version/],
    ["another content type", ["GET", "/healthz"], [200, GOOD, { "content-type": "text/html" }], /content type/],
    ["a missing header", ["GET", "/openapi.json"], [304, null], /etag is missing/],
    ["a problem of another operation", ["GET", "/v1/deliveries"], [400, problem("malformed-json", 400)], /none of/],
    ["a problem without its header", ["GET", "/v1/deliveries"], [503, problem("unavailable", 503)], /retry-after/],
    ["a request that should be refused", ["POST", "/v1/events", '{"typo":"t"}'], [202, receipt], /in the request/],
    [
      "an unknown parameter",
      ["GET", "/v1/deliveries?typo=1"],
      [200, { data: [], next_cursor: null }],
      /typo is unknown/,
    ],
    ["a parameter out of range", ["GET", "/v1/deliveries?limit=201"], [200, { data: [], next_cursor: null }], /limit/],
    ["a body in 204", ["DELETE", "/v1/subscriptions/x"], [204, GOOD], /there is a body/],
  ] as const)("refuses %s", async (_, request, answer, message) => {
    await expect(check(request, answer)).rejects.toThrow(message);
  });
});
