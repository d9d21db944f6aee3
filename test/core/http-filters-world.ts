/** Events, subscriptions and answers for the tests of filters over HTTP. */
import { encodeEvent } from "../../src/core/cloudevents/json.ts";
import { timeOrderedId } from "../../src/core/ids.ts";
import type { EventOnRecord } from "../../src/ports.ts";
import type { Answered, FakeHttp } from "../http.ts";

export const EVENT = { specversion: "1.0", id: "A-1", source: "/shop", type: "order.created", subject: "eu/42" };
export const SINK = "https://a.example.com/";
export const JSON_TYPE = { "content-type": "application/json" };

export const slug = (answer: Answered) => answer.json.type.split("/").at(-1);
export const pointersOf = (answer: Answered): string[] =>
  answer.json.errors.map(({ pointer }: { pointer: string }) => pointer);
export const detailsOf = (answer: Answered): string[] =>
  answer.json.errors.map(({ detail }: { detail: string }) => detail);
export const idOf = (prefix: string, number: number) => prefix + String(number).padStart(26, "0");

/** The id of a subscription that is made. */
export async function subscribe(http: FakeHttp, wanted: object = {}): Promise<string> {
  return (await http.ask("POST", "/v1/subscriptions", { json: { sink: SINK, ...wanted } })).json.id;
}

/** When the event 0 on record was accepted; each later one a millisecond after the one before. */
export const START_MS = Date.parse("2026-01-02T03:04:05.678Z");

/** Puts an event on record and gives its id. */
export function putEvent({ record }: FakeHttp, number: number, change: Partial<EventOnRecord> = {}): string {
  const { type = "order.created", source = "/shop" } = change;
  const attributes = { specversion: "1.0", id: `A-${number}`, source, type };
  const body = encodeEvent({ id: `A-${number}`, source, type, attributes, data: { kind: "none" } });
  const row: EventOnRecord = {
    eventId: idOf("evt_", number),
    bus: "default",
    seq: timeOrderedId(START_MS + number, new Uint8Array(10)),
    id: `A-${number}`,
    source,
    type,
    subject: null,
    acceptedMs: START_MS + number,
    matched: 1,
    duplicates: 0,
    bytes: body.length,
    body,
    erasedMs: null,
    ...change,
  };
  record.eventRows.push(row);
  return row.eventId;
}
