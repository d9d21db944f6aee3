// The examples of docs/filters-import.md over HTTP, as they stand there: each request, and the answer that is said to come.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { fakeHttp } from "../../http.ts";

const text = readFileSync(new URL("../../../docs/filters-import.md", import.meta.url).pathname, "utf8");
const blocks = [...text.matchAll(/^```(\S*)\n(.*?)^```$/gms)].map(([, language = "", body = ""]) => ({
  language,
  body,
}));
const examples = blocks.flatMap(({ body }, index) =>
  index % 2 === 0 ? [{ request: body, answer: blocks[index + 1]?.body ?? "" }] : [],
);

it("has examples of every service and of what is refused, all in JSON", () => {
  expect(blocks.filter(({ language }) => language !== "json")).toEqual([]);
  expect(blocks.length).toBe(2 * examples.length);
  const of = examples.map(({ request }) => JSON.parse(request).from);
  expect(new Set(of)).toEqual(new Set(["eventbridge", "sns", "eventgrid"]));
  expect(examples.some(({ answer }) => Object.hasOwn(JSON.parse(answer), "errors"))).toBe(true);
});

it.each(examples)("$request", async ({ request, answer }) => {
  const http = fakeHttp();
  const headers = { "content-type": "application/json" };
  const { status, json } = await http.ask("POST", "/v1/filters/import", { body: request, headers });
  const expected = JSON.parse(answer);
  if (Object.hasOwn(expected, "errors")) {
    expect([status, json.errors]).toEqual([422, expected.errors]);
    return;
  }
  expect([status, json]).toEqual([200, expected]);
  const { notes: _, ...wanted } = json;
  const made = await http.ask("POST", "/v1/subscriptions", { json: { sink: "https://a.example.com/", ...wanted } });
  expect(made.status).toBe(201);
});
