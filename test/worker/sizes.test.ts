// Sizes at the limit and one over it, and data byte for byte: from the publish to the sink and to the record.
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { decodeBase64, encodeBase64 } from "../../src/core/base64.ts";
import {
  BATCH_EVENTS_MAX,
  CLAIM_BODIES_BYTES_MAX,
  EVENT_BYTES_MAX,
  INLINE_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  REQUEST_BYTES_MAX,
} from "../../src/core/limits.ts";
import { sink, type SinkClient } from "../sink-client.ts";
import { flakyDb, isClaim } from "./flaky-db.ts";
import { createTestRouter, type Held, type TestRouter } from "./router.ts";

/** What D1 takes for one string. */
const D1_STRING_BYTES_MAX = 2_000_000;
const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";

const bytesOf = (text: string): number => new TextEncoder().encode(text).byteLength;

/** JSON text of so many UTF-8 bytes: a string of fillers, which are written as JSON has them. */
const textOf =
  (filler: string) =>
  (bytes: number): string => {
    const fillers = Math.floor((bytes - 2) / bytesOf(filler));
    return `"${filler.repeat(fillers)}${"x".repeat(bytes - 2 - fillers * bytesOf(filler))}"`;
  };
/** The same made of line feeds between brackets: JSON that escapes every character when it is quoted. */
const blanks = (bytes: number): string => `[${"\n".repeat(bytes - 2)}]`;

/** The canonical text of an event. */
const eventWith = (id: string, type: string, data: string): string =>
  `{"specversion":"1.0","id":"${id}","source":"/sizes","type":"${type}","data":${data}}`;
const eventOf = (
  id: string,
  type: string,
  { bytes, data }: { bytes: number; data: (bytes: number) => string },
): string => eventWith(id, type, data(bytes - bytesOf(eventWith(id, type, ""))));

const publish = (router: TestRouter, body: string, contentType = STRUCTURED): Promise<Response> =>
  router.request("/v1/events", { method: "POST", body, headers: { "content-type": contentType } });

const received = async (one: SinkClient): Promise<string[]> =>
  (await one.requests()).map(({ bodyBase64 }) =>
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(decodeBase64(bodyBase64) ?? undefined),
  );

const sorted = (texts: readonly string[]): string[] => texts.toSorted();
/** Not with `toEqual`, whose message would be megabytes. */
const expectSame = (actual: readonly string[], expected: readonly string[]): void => {
  expect(actual).toHaveLength(expected.length);
  const [all, wanted] = [sorted(actual), sorted(expected)];
  expect(all.filter((text, index) => text !== wanted[index]).map((text) => text.slice(0, 100))).toEqual([]);
};

const storedBodies = async (): Promise<number> =>
  (await env.DB.prepare("SELECT count(*) AS count FROM bodies").first<number>("count")) ?? 0;

async function expectRefused(response: Response, status: number, slug: string): Promise<void> {
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ type: `https://fantail.dev/problems/${slug}`, status });
}

const textSizeOf = ({ body }: Held): number => bytesOf(String(body));

it.each([
  { name: "ASCII", filler: "x" },
  { name: "2-byte characters", filler: "é" },
  { name: "3-byte characters", filler: "漢" },
  { name: "4-byte characters", filler: "😀" },
])("an event of EVENT_BYTES_MAX in $name arrives byte for byte, one byte more is refused", async ({ filler }) => {
  const router = createTestRouter();
  const one = sink();
  const type = `max-${bytesOf(filler)}`;
  await router.subscribe({ sink: one.url, types: [type] });
  const text = eventOf(`${type}-at`, type, { bytes: EVENT_BYTES_MAX, data: textOf(filler) });
  const over = eventOf(`${type}-over`, type, { bytes: EVENT_BYTES_MAX + 1, data: textOf(filler) });
  expect([bytesOf(text), bytesOf(over)]).toEqual([EVENT_BYTES_MAX, EVENT_BYTES_MAX + 1]);

  const before = await storedBodies();
  await expectRefused(await publish(router, over), 413, "payload-too-large");
  expect(router.held).toEqual([]);
  expect(await storedBodies()).toBe(before);

  const answer = await publish(router, text);
  expect(answer.status).toBe(202);
  await router.drain();
  expectSame(await received(one), [text]);
  const { events } = await answer.json<{ events: [{ event_id: string }] }>();
  const record = await (await router.request(`/v1/events/${events[0].event_id}`)).text();
  expect(record.includes(`"bytes":${EVENT_BYTES_MAX},"erased_at":null,"event":${text},"deliveries":`)).toBe(true);
});

it("binary data counts as base64: EVENT_BYTES_MAX arrives byte for byte in both formats, one byte more is refused", async () => {
  const router = createTestRouter();
  const [structured, binary] = [sink(), sink()];
  await router.subscribe({ sink: structured.url, types: ["octets"] });
  await router.subscribe({ sink: binary.url, types: ["octets"], format: "binary" });
  const head = (id: string): string =>
    `{"specversion":"1.0","id":"${id}","source":"/sizes","type":"octets","datacontenttype":"application/octet-stream","data_base64":"`;
  const id = "i".repeat(1 + ((EVENT_BYTES_MAX - head("i").length - 2) % 4));
  const octets = Uint8Array.from(
    { length: ((EVENT_BYTES_MAX - head(id).length - 2) / 4) * 3 },
    (_, at) => (at * 31) % 256,
  );
  const send = (eventId: string): Promise<Response> =>
    router.request("/v1/events", {
      method: "POST",
      body: octets,
      headers: {
        "content-type": "application/octet-stream",
        "ce-specversion": "1.0",
        "ce-id": eventId,
        "ce-source": "/sizes",
        "ce-type": "octets",
      },
    });
  await expectRefused(await send(`${id}i`), 413, "payload-too-large");
  expect((await send(id)).status).toBe(202);
  await router.drain();
  const base64 = encodeBase64(octets);
  expectSame(await received(structured), [`${head(id)}${base64}"}`]);
  expectSame(
    (await binary.requests()).map(({ bodyBase64 }) => bodyBase64),
    [base64],
  );
});

/** A batch of one small event in so many bytes. */
const paddedBatch = (id: string, bytes: number): string => {
  const event = eventWith(id, "padded", "1");
  return `[${event}${" ".repeat(bytes - event.length - 2)}]`;
};

const CHUNK_BYTES = 65_536;

/** A body in chunks, and how much of it was asked for. */
function streamed(text: string) {
  const bytes = new TextEncoder().encode(text);
  const seen = { pulled: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        controller.enqueue(bytes.subarray(seen.pulled, seen.pulled + CHUNK_BYTES));
        seen.pulled += CHUNK_BYTES;
        if (seen.pulled >= bytes.length) controller.close();
      },
      cancel: () => void (seen.cancelled = true),
    },
    { highWaterMark: 0 },
  );
  return { body, seen };
}

it("a request body of REQUEST_BYTES_MAX is accepted, one byte more is refused, announced or not", async () => {
  const router = createTestRouter();
  const headers = { "content-type": BATCH };
  const send = (body: string | ReadableStream<Uint8Array>, length?: number): Promise<Response> =>
    router.request("/v1/events", {
      method: "POST",
      body,
      headers: length === undefined ? headers : { ...headers, "content-length": String(length) },
    });
  const at = (id: string): string => paddedBatch(id, REQUEST_BYTES_MAX);
  const over = paddedBatch("over", REQUEST_BYTES_MAX + 1);

  expect((await send(at("announced"), REQUEST_BYTES_MAX)).status).toBe(202);
  expect((await send(streamed(at("streamed")).body)).status).toBe(202);
  expect(router.take()).toHaveLength(2);

  const announced = streamed(over);
  await expectRefused(await send(announced.body, REQUEST_BYTES_MAX + 1), 413, "payload-too-large");
  expect(announced.seen.pulled).toBe(0);
  await expectRefused(await send(streamed(over).body), 413, "payload-too-large");
  // Whoever announces less than he sends meets the same cap.
  await expectRefused(await send(streamed(over).body, 10), 413, "payload-too-large");
  // A stream without an end is left where the limit is passed.
  const endless = streamed(paddedBatch("endless", 2 * REQUEST_BYTES_MAX));
  await expectRefused(await send(endless.body), 413, "payload-too-large");
  expect(endless.seen).toEqual({ pulled: REQUEST_BYTES_MAX + CHUNK_BYTES, cancelled: true });
  expect(router.held).toEqual([]);
});

it("a batch of BATCH_EVENTS_MAX events is accepted, one more is refused as a whole", async () => {
  const router = createTestRouter();
  const batchOf = (count: number): string =>
    `[${Array.from({ length: count }, (_, index) => eventWith(`b-${index}`, "many", String(index))).join(",")}]`;
  await expectRefused(await publish(router, batchOf(BATCH_EVENTS_MAX + 1), BATCH), 422, "invalid-request");
  expect(router.held).toEqual([]);
  const answer = await publish(router, batchOf(BATCH_EVENTS_MAX), BATCH);
  expect(answer.status).toBe(202);
  expect(await answer.json()).toMatchObject({ accepted: BATCH_EVENTS_MAX, rejected: 0 });
  expect(router.held).toHaveLength(BATCH_EVENTS_MAX);
});

it("a batch says of each event whether it is too large, and accepts the others", async () => {
  const router = createTestRouter();
  const sizes = [EVENT_BYTES_MAX, EVENT_BYTES_MAX + 1, 1_000];
  const texts = sizes.map((bytes, index) => eventOf(`mixed-${index}`, "mixed", { bytes, data: textOf("é") }));
  const answer = await publish(router, `[${texts.join(",")}]`, BATCH);
  expect(answer.status).toBe(207);
  expect(await answer.json()).toMatchObject({
    accepted: 2,
    rejected: 1,
    events: [{ status: "accepted" }, { status: "rejected", problem: { status: 413 } }, { status: "accepted" }],
  });
  expect(router.held).toHaveLength(2);
});

it.each([
  { name: "ASCII", filler: "x" },
  { name: "4-byte characters", filler: "😀" },
])(
  "a message of INLINE_BYTES_MAX in $name carries its event, one byte more and it goes by reference",
  async ({ filler }) => {
    const router = createTestRouter();
    const one = sink();
    const type = `inline-${bytesOf(filler)}`;
    await router.subscribe({ sink: one.url, types: [type] });
    const at = (id: string, bytes: number): string => eventOf(`${type}-${id}`, type, { bytes, data: textOf(filler) });
    await publish(router, at("probe", 50_000));
    const [probe] = router.take();
    const envelope = probe === undefined ? 0 : textSizeOf(probe) - 50_000;
    expect(envelope).toBeGreaterThan(100);

    const before = await storedBodies();
    const atLimit = at("equal", INLINE_BYTES_MAX - envelope);
    const overLimit = at("above", INLINE_BYTES_MAX - envelope + 1);
    expect((await publish(router, atLimit)).status).toBe(202);
    expect(router.held.map(textSizeOf)).toEqual([INLINE_BYTES_MAX]);
    expect(await storedBodies()).toBe(before);
    expect((await publish(router, overLimit)).status).toBe(202);
    expect(router.held).toHaveLength(2);
    expect(router.held.map(textSizeOf)[1]).toBeLessThan(1_000);
    expect(await storedBodies()).toBe(before + 1);
    await router.drain();
    expectSame(await received(one), [atLimit, overLimit]);
  },
);

it("25 inline events of 60 kB in one batch stay below what D1 takes for a parameter, escaped as they are", async () => {
  const flaky = flakyDb(env.DB);
  const router = createTestRouter({ DB: flaky.db });
  const one = sink();
  await router.subscribe({ sink: one.url, types: ["escaped"] });
  // Quotes and backslashes double when the text becomes a member of a JSON parameter; so does each line feed.
  const fillers = [textOf('\\"'), textOf("\\\\"), blanks, textOf('\\\\\\"'), textOf("😀\\\\")];
  const texts = Array.from({ length: 25 }, (_, index) =>
    eventOf(`q-${index}`, "escaped", { bytes: 59_500, data: fillers[index % fillers.length] ?? blanks }),
  );
  for (const text of texts) expect((await publish(router, text)).status).toBe(202);
  const messages = router.take();
  expect(messages).toHaveLength(25);
  expect(Math.min(...messages.map(textSizeOf))).toBeGreaterThan(59_500);
  flaky.executed.length = 0;
  flaky.calls.length = 0;
  await router.handle(messages);

  const sizes = flaky.executed.flatMap(({ values }) =>
    values.map((value) => (typeof value === "string" ? bytesOf(value) : 0)),
  );
  expect(Math.max(...sizes)).toBeLessThanOrEqual(D1_STRING_BYTES_MAX);
  // Without a cut it would have been too much.
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(D1_STRING_BYTES_MAX);
  const claims = flaky.calls.filter(isClaim);
  expect(claims).toHaveLength(1);
  expect(claims[0]?.filter((sql) => sql.includes("INSERT INTO events")).length).toBeGreaterThan(1);
  expectSame(await received(one), texts);
  const { results } = await env.DB.prepare("SELECT body FROM events WHERE type = 'escaped'").all<{ body: string }>();
  expectSame(
    results.map(({ body }) => body),
    texts,
  );
});

it("bodies of 1 MiB by reference arrive byte for byte in each format; what a claim cannot load comes in the next batch", async () => {
  const router = createTestRouter();
  const formats = ["structured", "binary", "standard"] as const;
  const sinks = { structured: sink(), binary: sink(), standard: sink() };
  for (const format of formats) await router.subscribe({ sink: sinks[format].url, types: [`large-${format}`], format });
  const timed = (id: string, type: string, data: string): string =>
    `{"specversion":"1.0","id":"${id}","source":"/sizes","type":"${type}","time":"2026-01-02T03:04:05Z","datacontenttype":"application/json","data":${data}}`;
  const fillers = [textOf("x"), textOf('\\"'), blanks, textOf("漢")];
  const events = Array.from({ length: 12 }, (_, index) => {
    const format = formats[index % 3] ?? "structured";
    const type = `large-${format}`;
    const room = EVENT_BYTES_MAX - bytesOf(timed(`l-${index}`, type, ""));
    const data = (fillers[index % 4] ?? blanks)(room);
    return { format, type, data, text: timed(`l-${index}`, type, data) };
  });
  for (const { text } of events) expect((await publish(router, text)).status).toBe(202);
  const messages = router.take();
  expect(messages).toHaveLength(12);
  expect(Math.max(...messages.map(textSizeOf))).toBeLessThan(1_000);

  // The last body that is begun within the budget is loaded too.
  const loaded = Math.ceil(CLAIM_BODIES_BYTES_MAX / EVENT_BYTES_MAX);
  const handled = await router.handle(messages);
  expect(handled.every(({ verdict }) => verdict === "ack")).toBe(true);
  const soFar = await Promise.all(formats.map((format) => sinks[format].requests()));
  expect(soFar.flat()).toHaveLength(loaded);
  expect(router.held.every(({ queue, delaySeconds }) => queue.startsWith("fantail-slow") && delaySeconds > 0)).toBe(
    true,
  );
  await env.DB.prepare("UPDATE deliveries SET due_ms = 0 WHERE cause = 'released'").run();
  await router.handle(router.take());

  const expected = {
    structured: ({ text }: (typeof events)[number]) => text,
    binary: ({ data }: (typeof events)[number]) => data,
    standard: ({ type, data }: (typeof events)[number]) =>
      `{"type":"${type}","timestamp":"2026-01-02T03:04:05Z","data":${data}}`,
  };
  for (const format of formats) {
    expectSame(await received(sinks[format]), events.filter((event) => event.format === format).map(expected[format]));
    // What was released is not counted as an attempt.
    for (const { headers } of await sinks[format].requests()) expect(headers["fantail-attempt"]).toBe("1");
  }
});

it("data arrives as the producer wrote it, in every mode, format and way to travel, and on the record", async () => {
  const router = createTestRouter();
  const formats = ["structured", "binary", "standard"] as const;
  const sinks = { structured: sink(), binary: sink(), standard: sink() };
  for (const format of formats) await router.subscribe({ sink: sinks[format].url, types: ["exact"], format });
  const members = String.raw`"n":12345678901234567890,"m":1.10,"e":1e400,"z":-0,"a":1,"a":2,"s":"\ud800\u0061\/"`;
  const small = `{${members}}`;
  // Spaces inside belong to it as well, and this one is too large for a message.
  const large = `{ ${members}  ,\n"pad" : ${textOf("é")(MESSAGE_BYTES_MAX)}\t}`;
  const time = "2026-01-02T03:04:05.67890Z";
  const attributes = (id: string): string =>
    `"specversion":"1.0","id":"${id}","source":"/sizes","type":"exact","time":"${time}","datacontenttype":"application/json"`;
  const modes: Record<string, (id: string, data: string) => Promise<Response>> = {
    structured: (id, data) => publish(router, `{"data": ${data} ,${attributes(id)}}`),
    batch: (id, data) => publish(router, `[{${attributes(id)}, "data":${data}}]`, BATCH),
    short: (id, data) =>
      publish(
        router,
        `{"type":"exact","source":"/sizes","id":"${id}","time":"${time}","data":${data}}`,
        "application/json",
      ),
    binary: (id, data) =>
      router.request("/v1/events", {
        method: "POST",
        body: data,
        headers: {
          "content-type": "application/json",
          "ce-specversion": "1.0",
          "ce-id": id,
          "ce-source": "/sizes",
          "ce-type": "exact",
          "ce-time": time,
        },
      }),
  };
  const expected: Record<(typeof formats)[number], string[]> = { structured: [], binary: [], standard: [] };
  const onRecord: { eventId: string; text: string }[] = [];
  for (const [mode, send] of Object.entries(modes)) {
    for (const data of [small, large]) {
      const id = `${mode}-${data.length}`;
      const text = `{${attributes(id)},"data":${data}}`;
      const answer = await send(id, data);
      expect(answer.status, id).toBe(202);
      const { events } = await answer.json<{ events: [{ event_id: string }] }>();
      onRecord.push({ eventId: events[0].event_id, text });
      expected.structured.push(text);
      expected.binary.push(data);
      expected.standard.push(`{"type":"exact","timestamp":"${time}","data":${data}}`);
    }
  }
  await router.drain();
  for (const format of formats) expectSame(await received(sinks[format]), expected[format]);
  for (const { eventId, text } of onRecord) {
    const record = await (await router.request(`/v1/events/${eventId}`)).text();
    expect(record.includes(`,"event":${text},"deliveries":`), text.slice(0, 60)).toBe(true);
  }
});
