// Who opens the host in a browser lands on the API reference; a client of the API does not notice.
import { expect, it } from "vitest";
import { fakeHttp } from "../http.ts";

/** As Chromium and Firefox send it. */
const BROWSER = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

it.each(["GET", "HEAD"])("%s / leads a browser to /docs, and needs no key", async (method) => {
  const { status, headers, text } = await fakeHttp().ask(method, "/", { key: null, headers: BROWSER });
  expect([status, headers.get("location"), text]).toEqual([302, "/docs", ""]);
  expect(headers.get("x-request-id")).toMatch(/^req_/);
  expect(headers.get("cache-control")).toContain("no-store");
});

it.each([
  ["GET", "/", { accept: "*/*" }],
  ["GET", "/", { accept: "application/json" }],
  ["GET", "/", {}],
  ["POST", "/", BROWSER],
  ["DELETE", "/", BROWSER],
  ["GET", "/index.html", BROWSER],
  ["GET", "/v1", BROWSER],
  ["GET", "/v1/nope", BROWSER],
])("%s %s with %j is answered with the problem of an unknown path", async (method, path, headers) => {
  const answer = await fakeHttp().ask(method, path, { headers });
  expect(answer.status).toBe(404);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.json.detail).toBe("There is nothing at this path");
});
