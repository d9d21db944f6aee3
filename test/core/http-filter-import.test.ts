// Filters of other services taken over through HTTP: the answer is a subscription's, faults have their place in the request.
import { describe, expect, it } from "vitest";
import { FILTER_BYTES_MAX, PATTERN_DEPTH_MAX } from "../../src/core/limits.ts";
import { fakeHttp } from "../http.ts";
import { detailsOf, JSON_TYPE, pointersOf, SINK, slug } from "./http-filters-world.ts";

const IMPORT = "/v1/filters/import";

describe("POST /v1/filters/import", () => {
  const RULE = { source: ["/shop"], "detail-type": ["paid"] };

  it("answers what a subscription takes as it is", async () => {
    const http = fakeHttp();
    const { status, json } = await http.ask("POST", IMPORT, { json: { from: "eventbridge", rule: RULE } });
    expect([status, json]).toEqual([
      200,
      { types: ["paid"], source: "/shop", filters: [], notes: expect.any(Array<string>) },
    ]);
    const { notes: _, ...wanted } = json;
    const made = await http.ask("POST", "/v1/subscriptions", { json: { sink: SINK, ...wanted } });
    expect([made.status, made.json]).toMatchObject([201, wanted]);
  });

  it("takes null for what may be left out", async () => {
    const json = { from: "eventbridge", rule: RULE, attributes: null };
    expect((await fakeHttp().ask("POST", IMPORT, { json })).status).toBe(200);
  });

  it.each([
    [{}, ["/from"]],
    [{ from: null }, ["/from"]],
    [{ from: "kafka", rule: RULE }, ["/from"]],
    [{ from: "eventbridge" }, ["/rule"]],
    [{ from: "sns", rule: RULE }, ["/policy", "/rule"]],
    [{ from: "eventgrid", filter: null }, ["/filter"]],
    [{ from: "eventbridge", rule: 5 }, ["/rule"]],
    [{ from: "eventbridge", rule: RULE, scope: "MessageBody" }, ["/scope"]],
    [{ from: "eventbridge", rule: RULE, rules: RULE }, ["/rules"]],
  ])("refuses %j at %j", async (json, pointers) => {
    const answer = await fakeHttp().ask("POST", IMPORT, { json });
    expect([answer.status, slug(answer), pointersOf(answer).toSorted()]).toEqual([422, "invalid-request", pointers]);
  });

  it.each([
    [{}, "from is required"],
    [{ from: null, rule: RULE }, "from is required"],
    [{ from: 5 }, "from must be a string"],
    [{ from: "kafka" }, "from must be one of eventbridge, sns, eventgrid"],
    [{ from: "eventbridge" }, "rule is required"],
  ])("says of %j that %s", async (json, detail) => {
    expect(detailsOf(await fakeHttp().ask("POST", IMPORT, { json }))).toEqual([detail]);
  });

  it("refuses a value that no filter takes where it stands", async () => {
    const rule = { source: ["x".repeat(4_097)], detail: { ip: [{ cidr: "10.0.0.1/32" }] }, "id.x": ["a"] };
    const answer = await fakeHttp().ask("POST", IMPORT, { json: { from: "eventbridge", rule } });
    expect([answer.status, slug(answer)]).toEqual([422, "invalid-request"]);
    expect(pointersOf(answer).toSorted()).toEqual(["/rule/detail/ip/0/cidr", "/rule/id.x", "/rule/source/0"]);
  });

  it("refuses numbers that are others once they are read, as a subscription does", async () => {
    const http = fakeHttp();
    const ask = (path: string, body: string) => http.ask("POST", path, { body, headers: JSON_TYPE });
    const values = '[{"numeric":[">",0.1000000000000000055]}]';
    const imported = await ask(IMPORT, `{"from":"eventbridge","rule":{"detail":{"n":${values}}}}`);
    const made = await ask("/v1/subscriptions", `{"sink":"${SINK}","filters":[{"pattern":{"data":{"n":${values}}}}]}`);
    const words = "must be a number that a double keeps exactly, as RFC 8259 §6 advises";
    expect(detailsOf(imported)).toEqual([`rule.detail.n.0.numeric.1 ${words}`]);
    expect(detailsOf(made)).toEqual([`filters.0.pattern.data.n.0.numeric.1 ${words}`]);
  });

  it.each([
    [{ from: "eventbridge", rule: { detail: { a: Array.from({ length: 5 }, () => "x".repeat(4_000)) } } }, "/rule"],
    [
      { from: "sns", scope: "MessageBody", policy: { a: Array.from({ length: 5 }, () => "x".repeat(4_000)) } },
      "/policy",
    ],
    [
      {
        from: "eventgrid",
        no_arrays: true,
        filter: {
          advancedFilters: [
            { operatorType: "StringIn", key: "data.a", values: Array.from({ length: 5 }, () => "x".repeat(4_000)) },
          ],
        },
      },
      "/filter",
    ],
  ])("refuses what is too large for a subscription at the document", async (json, pointer) => {
    const answer = await fakeHttp().ask("POST", IMPORT, { json });
    expect([answer.status, slug(answer), pointersOf(answer)]).toEqual([422, "invalid-request", [pointer]]);
    expect(answer.json.detail).toBe(
      `In what ${pointer.slice(1)} would be here, types, source and filters must have at most ${FILTER_BYTES_MAX} bytes as JSON together`,
    );
  });

  it("refuses levels and alternatives that no pattern has, at the document", async () => {
    let deep: unknown = ["x"];
    for (let level = 0; level < PATTERN_DEPTH_MAX; level++) deep = { a: deep };
    const answer = await fakeHttp().ask("POST", IMPORT, { json: { from: "eventbridge", rule: { detail: deep } } });
    expect([answer.status, pointersOf(answer)]).toEqual([422, ["/rule"]]);
    expect(answer.json.detail).toContain(`must nest at most ${PATTERN_DEPTH_MAX} levels`);
  });

  it("refuses what is no object", async () => {
    expect(slug(await fakeHttp().ask("POST", IMPORT, { json: [] }))).toBe("invalid-request");
  });
});
