// Filters tried on one event over HTTP: what is taken and why, and everything that is refused.
import { describe, expect, it } from "vitest";
import { EVENT_BYTES_MAX, FILTER_TEST_BYTES_MAX, JSON_DEPTH_MAX } from "../../src/core/limits.ts";
import { fakeHttp, keyWith, limitedKey } from "../http.ts";
import { detailsOf, EVENT, JSON_TYPE, pointersOf, slug } from "./http-filters-world.ts";

const TEST = "/v1/filters/test";

describe("POST /v1/filters/test", () => {
  it("says whether an event is taken, in full and in the short form, and why", async () => {
    const http = fakeHttp();
    const wanted = { types: ["order.created"], source: "/shop", filters: [{ prefix: { subject: "eu/" } }] };
    const taken = await http.ask("POST", TEST, { json: { ...wanted, event: EVENT } });
    expect([taken.status, taken.json.matched]).toEqual([200, true]);
    expect(taken.json.explain.every(({ matched }: { matched: boolean }) => matched)).toBe(true);
    const short = { type: "order.created", subject: "us/1" };
    const missed = await http.ask("POST", TEST, { json: { ...wanted, event: short } });
    expect(missed.json.matched).toBe(false);
    const failing = missed.json.explain.filter(({ matched }: { matched: boolean }) => !matched);
    // The short form has the bus as its source.
    expect(failing[0]).toEqual({
      pointer: "/source",
      wanted: "/shop",
      observed: "/buses/default",
      matched: false,
    });
    expect(failing[1].pointer).toMatch(/^\/filters\/0/);
  });

  it("without conditions, and with null for each, everything is taken", async () => {
    const http = fakeHttp();
    for (const wanted of [{}, { types: null, source: null, filters: null }, { types: [], filters: [] }])
      expect((await http.ask("POST", TEST, { json: { ...wanted, event: EVENT } })).json).toEqual({
        matched: true,
        explain: [],
      });
  });

  it("publishes nothing and takes no version", async () => {
    const http = fakeHttp();
    const before = http.stores.stored();
    await http.ask("POST", TEST, { json: { event: EVENT } });
    expect([http.ingest.published, http.stores.stored(), http.routes.changes]).toEqual([[], before, []]);
  });

  it("a key that reads or manages may, one that only publishes may not", async () => {
    const http = fakeHttp();
    for (const [scope, status] of [
      ["read", 200],
      ["manage", 200],
      ["publish", 403],
    ] as const)
      expect((await http.ask("POST", TEST, { key: await keyWith(http, [scope]), json: { event: EVENT } })).status).toBe(
        status,
      );
  });

  it("refuses every fault at once, each where it is", async () => {
    const http = fakeHttp();
    const answer = await http.ask("POST", TEST, {
      json: {
        types: [""],
        filters: [{ exactly: {} }],
        fliters: [],
        event: { ...EVENT, source: "", data_base64: "%" },
      },
    });
    expect([answer.status, slug(answer)]).toEqual([422, "invalid-request"]);
    expect(pointersOf(answer).toSorted()).toEqual([
      "/event/data_base64",
      "/event/source",
      "/filters/0/exactly",
      "/fliters",
      "/types/0",
    ]);
  });

  it.each([
    [{}, "invalid-request", ["/event"]],
    [{ event: null }, "invalid-request", ["/event"]],
    [{ event: 5 }, "invalid-event", ["/event"]],
    [{ event: [EVENT] }, "invalid-event", ["/event"]],
    [{ event: {} }, "invalid-event", ["/event/type"]],
    [{ event: { type: "t", x: 1 } }, "invalid-event", ["/event/x"]],
    [{ event: { ...EVENT, "a-b": "c" } }, "invalid-event", ["/event/a-b"]],
    [{ event: { ...EVENT, time: "noon" } }, "invalid-event", ["/event/time"]],
  ])("%j is %s at %j", async (json, kind, pointers) => {
    const answer = await fakeHttp().ask("POST", TEST, { json });
    expect([answer.status, slug(answer), pointersOf(answer)]).toEqual([422, kind, pointers]);
  });

  it.each([
    [5, ["event must be an object"]],
    [{ specversion: "1.0", type: "t" }, ["event.id is required", "event.source is required"]],
    [{ type: "t", id: "1" }, ["event.source is required with an id"]],
    [
      { ...EVENT, time: "noon", "a-b": "c" },
      [expect.stringMatching(/^event\.time /), expect.stringMatching(/^event\.a-b /)],
    ],
    [{ type: "t", x: 1 }, [expect.stringMatching(/^event\.x is not known/)]],
    [{ ...EVENT, event: { event: 1 } }, [expect.stringMatching(/^event\.event must be/)]],
    [{ ...EVENT, data_base64: "%" }, [expect.stringMatching(/^event\.data_base64 must be base64/)]],
    [{ ...EVENT, ["a".repeat(101)]: "b" }, ["A name of 101 characters must have at most 64 characters"]],
    [
      { ...EVENT, ...Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`a${index}`, "b"])) },
      ["event must have at most 64 attributes"],
    ],
  ])("names the members of %j with the whole path", async (event, details) => {
    const http = fakeHttp();
    const answer = await http.ask("POST", TEST, { json: { event } });
    expect([answer.status, slug(answer), detailsOf(answer)]).toEqual([422, "invalid-event", details]);
    expect(answer.json.detail.startsWith(answer.json.errors[0].detail)).toBe(true);
    // Beside other faults of the request too.
    const both = await http.ask("POST", TEST, { json: { event, source: "" } });
    expect(detailsOf(both)).toEqual(["source must not be empty", ...details]);
  });

  it("a publish names them without it", async () => {
    const answer = await fakeHttp().ask("POST", "/v1/events", {
      json: { specversion: "1.0", source: "/s", type: "t" },
    });
    expect(detailsOf(answer)).toEqual(["id is required"]);
  });

  it("refuses what is no JSON object, another content type, and parameters", async () => {
    const http = fakeHttp();
    expect(slug(await http.ask("POST", TEST, { body: "{", headers: JSON_TYPE }))).toBe("malformed-json");
    expect(slug(await http.ask("POST", TEST, { body: new Uint8Array([255]), headers: JSON_TYPE }))).toBe(
      "malformed-body",
    );
    expect(slug(await http.ask("POST", TEST, { json: [] }))).toBe("invalid-request");
    const structured = await http.ask("POST", TEST, {
      json: { event: EVENT },
      headers: { "content-type": "application/cloudevents+json" },
    });
    expect([structured.status, structured.headers.get("accept")]).toEqual([415, "application/json"]);
    expect(slug(await http.ask("POST", `${TEST}?dry=1`, { json: { event: EVENT } }))).toBe("invalid-parameter");
  });

  it("an event of the largest size is taken, and one byte more is 413", async () => {
    const http = fakeHttp();
    const empty = JSON.stringify({ ...EVENT, data: "" }).length;
    const withData = (bytes: number) => ({ event: { ...EVENT, data: "x".repeat(bytes - empty) } });
    expect((await http.ask("POST", TEST, { json: withData(EVENT_BYTES_MAX) })).status).toBe(200);
    const over = await http.ask("POST", TEST, { json: withData(EVENT_BYTES_MAX + 1) });
    expect([over.status, over.json.detail]).toEqual([413, "The event must have at most 1048576 bytes as JSON"]);
  });

  it("a body of the largest size is read, and one byte more is 413", async () => {
    const http = fakeHttp();
    const text = JSON.stringify({ event: EVENT });
    const padded = (bytes: number) => http.ask("POST", TEST, { body: text.padEnd(bytes), headers: JSON_TYPE });
    expect((await padded(FILTER_TEST_BYTES_MAX)).status).toBe(200);
    const over = await padded(FILTER_TEST_BYTES_MAX + 1);
    expect([over.status, over.json.detail]).toEqual([413, `The body must have at most ${FILTER_TEST_BYTES_MAX} bytes`]);
  });

  it("an event nests as deep as one that is published, and no deeper", async () => {
    const http = fakeHttp();
    // The event is a level of its own.
    const nested = (levels: number) => "[".repeat(levels - 1) + "]".repeat(levels - 1);
    const ask = (levels: number) =>
      http.ask("POST", TEST, {
        body: `{"event":{"type":"t","data":${nested(levels)}}}`,
        headers: JSON_TYPE,
      });
    expect((await ask(JSON_DEPTH_MAX)).status).toBe(200);
    expect(slug(await ask(JSON_DEPTH_MAX + 1))).toBe("malformed-json");
  });

  it("of members with the same name the last one counts, for the event and for its data", async () => {
    const http = fakeHttp();
    const ask = (body: string) => http.ask("POST", TEST, { body, headers: JSON_TYPE });
    const twice = await ask('{"types":["b"],"event":{"type":"a","data":1},"\\u0065vent":{"type":"b"}}');
    expect(twice.json.matched).toBe(true);
    const other = await ask('{"types":["b"],"event":{"type":"b"},"event":{"type":"a","data":{"event":{"type":"b"}}}}');
    expect(other.json.matched).toBe(false);
  });

  it("a key that is revoked during the upload is refused", async () => {
    const http = fakeHttp();
    const { key, change } = await limitedKey(http, { scopes: ["read"] });
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        change(null);
        controller.enqueue(new TextEncoder().encode(JSON.stringify({ event: EVENT })));
        controller.close();
      },
    });
    expect((await http.ask("POST", TEST, { key, body, headers: JSON_TYPE })).status).toBe(401);
  });
});
