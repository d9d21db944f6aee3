// Events pushed to a local server: as Fantail pushes them, tried again while that is away, and the position behind what is dealt with.
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "../../scripts/free-port.ts";
import type { FollowedEvent } from "../../src/client/record.ts";
import { forward, inTurn, type Forwarding } from "../../src/cli/listen/forwarding.ts";
import { createPosition, readPosition, writePosition } from "../../src/cli/listen/position.ts";
import { emptyFolder } from "./command.ts";

const SECRET = `whsec_${Buffer.from("a secret of at least 24 bytes").toString("base64")}`;

interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}

type Answer = (response: ServerResponse, count: number) => void;

/** A server on loopback that keeps what it received. */
async function receiver(answer: Answer, port = 0): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({ headers: request.headers as Record<string, string>, body: Buffer.concat(chunks).toString() });
      answer(response, received.length);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(port, "127.0.0.1", resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/hooks`, received };
}

const says =
  (status: number): Answer =>
  (response) =>
    void response.writeHead(status).end();

const DATA = '{"total":1.10,"id":12345678901234567890}';
const EVENT = `{"specversion":"1.0","id":"A-1","source":"/shop","type":"order.created","subject":"eu/42","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data":${DATA}}`;

/** An entry as a stream tells it. */
function entry(event: string | null): FollowedEvent {
  const json = `{"event_id":"evt_1","bus":"default","id":"A-1","source":"/shop","type":"order.created","subject":"eu/42","accepted_at":"2026-11-23T09:00:00.000Z","event":${event}}`;
  return { id: "1-1", event: JSON.parse(json), json };
}

function forwarding(
  url: string,
  more: Partial<Forwarding> & { format?: "binary" | "standard" | "reference"; timeoutMs?: number } = {},
): Forwarding {
  const { format = "structured", timeoutMs = 5_000, ...rest } = more;
  const target = { url, format, secret: SECRET, timeoutMs, baseUrl: "https://events.example.com" } as const;
  return { target, isStubborn: false, signal: new AbortController().signal, ...rest };
}

describe("forward()", () => {
  test("sends what a sink receives, signed, numbers as they were published", async () => {
    const { url, received } = await receiver(says(204));
    expect(await forward(entry(EVENT), forwarding(url))).toMatchObject({
      status: 204,
      error: null,
      attempts: 1,
      isDelivered: true,
    });
    const [{ headers, body } = { headers: {}, body: "" }] = received;
    expect(body).toBe(EVENT);
    expect(headers).toMatchObject({
      "content-type": "application/cloudevents+json",
      "webhook-id": "evt_1",
      "fantail-attempt": "1",
      "fantail-hops": "1",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    });
    expect(headers["user-agent"]).toMatch(/^Fantail\//);
    expect(new Webhook(SECRET).verify(body, headers)).toBeTruthy();
    expect(() => new Webhook(SECRET).verify(`${body} `, headers)).toThrow();
  });

  test.each([
    ["binary", DATA, { "ce-type": "order.created", "ce-subject": "eu/42", "content-type": "application/json" }],
    ["standard", `{"type":"order.created","timestamp":"2026-11-23T09:00:00.000Z","data":${DATA}}`, {}],
    [
      "reference",
      '{"type":"order.created","timestamp":"2026-11-23T09:00:00.000Z","data":{"event_id":"evt_1","id":"A-1","source":"/shop","subject":"eu/42","url":"https://events.example.com/v1/events/evt_1"}}',
      {},
    ],
  ] as const)("in the format %s", async (format, body, headers) => {
    const { url, received } = await receiver(says(200));
    await forward(entry(EVENT), forwarding(url, { format }));
    expect(received[0]?.body).toBe(body);
    expect(received[0]?.headers).toMatchObject(headers);
    expect(() => new Webhook(SECRET).verify(body, received[0]?.headers ?? {})).not.toThrow();
  });

  test.each([500, 404, 302])("takes the answer %i for an answer", async (status) => {
    const { url, received } = await receiver(
      (response) => void response.writeHead(status, { location: "/elsewhere" }).end(),
    );
    expect(await forward(entry(EVENT), forwarding(url))).toMatchObject({ status, attempts: 1, isDelivered: false });
    expect(received).toHaveLength(1);
  });

  test("tries a server that hangs up again, with the same id and the next attempt", async () => {
    const { url, received } = await receiver((response, count) =>
      count < 3 ? void response.destroy() : says(200)(response, count),
    );
    expect(await forward(entry(EVENT), forwarding(url))).toMatchObject({ status: 200, attempts: 3, isDelivered: true });
    expect(received.map(({ headers }) => [headers["webhook-id"], headers["fantail-attempt"]])).toEqual([
      ["evt_1", "1"],
      ["evt_1", "2"],
      ["evt_1", "3"],
    ]);
  });

  test("gives a server up that stays away, and says why", async () => {
    const url = `http://127.0.0.1:${await freePort()}/`;
    expect(await forward(entry(EVENT), forwarding(url))).toMatchObject({
      status: null,
      error: expect.stringContaining("ECONNREFUSED"),
      attempts: 5,
      isDelivered: false,
    });
  });

  test("gives an answer up that takes too long", async () => {
    const { url } = await receiver(() => {});
    const { error } = await forward(entry(EVENT), forwarding(url, { timeoutMs: 100 }));
    expect(error).toBe("no answer within 100 ms");
  });

  test("with --retry goes on until the server takes it", async () => {
    const { url, received } = await receiver((response, count) => says(count < 4 ? 500 : 200)(response, count));
    expect(await forward(entry(EVENT), forwarding(url, { isStubborn: true }))).toMatchObject({
      attempts: 4,
      isDelivered: true,
    });
    expect(received).toHaveLength(4);
  });

  test("is cut short by the end, in a request and between two", async () => {
    for (const answer of [() => {}, (response: ServerResponse) => void response.destroy()]) {
      const stop = new AbortController();
      const { url } = await receiver((response, count) => {
        answer(response);
        if (count === 1) stop.abort();
      });
      await expect(forward(entry(EVENT), forwarding(url, { signal: stop.signal }))).rejects.toThrow(/abort/i);
    }
  });

  test("refuses a stream that is no router's", async () => {
    await expect(forward(entry('{"a":1}'), forwarding("http://127.0.0.1:1"))).rejects.toThrow(
      "The stream holds an event that is none",
    );
  });
});

describe("inTurn()", () => {
  /** A work that ends when the test says so. */
  function works() {
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const work = (n: number) => () => new Promise<void>((resolve) => (begun.push(n), ends.push(resolve)));
    return { begun, work, end: (n: number) => ends[n]?.() };
  }

  test("begins in order, so many at a time", async () => {
    const { begun, work, end } = works();
    const places = inTurn(2, () => {});
    await places.add(work(0));
    await places.add(work(1));
    const third = places.add(work(2));
    expect(begun).toEqual([0, 1]);
    end(1);
    await third;
    expect(begun).toEqual([0, 1, 2]);
    end(0);
    end(2);
    await places.end();
  });

  test("tells what went wrong, and begins nothing more", async () => {
    const told: string[] = [];
    const places = inTurn(1, () => void told.push("it failed"));
    await places.add(() => Promise.reject(new Error("broken")));
    await expect(places.add(async () => {})).rejects.toThrow("broken");
    await expect(places.end()).rejects.toThrow("broken");
    expect(told).toEqual(["it failed"]);
  });
});

describe("the position", () => {
  function kept() {
    const ids: string[] = [];
    return { ids, position: createPosition(async (id) => void ids.push(id)) };
  }

  test("begins where the stream does, and only then", async () => {
    const { ids, position } = kept();
    await position.start("1");
    await position.begin("2").done();
    await position.start("3");
    expect(ids).toEqual(["1", "2"]);
  });

  test("stays before what is not dealt with, whatever is behind it", async () => {
    const { ids, position } = kept();
    const [first, second, third] = ["1", "2", "3"].map((id) => position.begin(id));
    await third?.done();
    await second?.done();
    expect(ids).toEqual([]);
    await first?.done();
    expect(ids).toEqual(["3"]);
  });

  const HEARD = { url: "http://127.0.0.1:8787", bus: "default" };

  test("survives in a file, whole", async () => {
    const file = join(emptyFolder(), "position");
    expect(await readPosition(file, HEARD)).toBe(null);
    await writePosition(file, HEARD, "1-1");
    await writePosition(file, HEARD, "1-2");
    expect(await readPosition(file, HEARD)).toBe("1-2");
    expect(readFileSync(file, "utf8")).toBe(`${JSON.stringify({ ...HEARD, position: "1-2" })}\n`);
  });

  test.each([
    ["", /holds no position of fantail listen/],
    ['{"position":1}', /holds no position of fantail listen/],
    [
      JSON.stringify({ ...HEARD, bus: "eu", position: "1-1" }),
      /is of bus eu at http:\/\/127\.0\.0\.1:8787, not of default/,
    ],
  ])("is not taken from a file with %j", async (text, line) => {
    const file = join(emptyFolder(), "position");
    writeFileSync(file, text);
    await expect(readPosition(file, HEARD)).rejects.toThrow(line);
  });

  test("that cannot be written is told", async () => {
    await expect(writePosition(join(emptyFolder(), "no/folder"), HEARD, "1")).rejects.toThrow(
      /cannot be written: ENOENT/,
    );
  });
});
