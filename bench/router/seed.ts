/**
 * Fills a router's database to a size that would take hours to reach through the API: rows like those that the router itself has made, put into the
 * file while it is stopped. So what a table has besides is copied, whatever it is.
 */
import { randomBytes } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { decodeBase64 } from "../../src/core/base64.ts";
import { ID_RANDOM_BYTES, timeOrderedId } from "../../src/core/ids.ts";
import { inOneTransaction, inserter, type Row } from "../../scripts/rig/database.ts";
import { until } from "../../scripts/rig/until.ts";
import { createVault, VAULT_IV_BYTES } from "../../src/core/vault.ts";
import { TEN } from "./measure.ts";
import type { Stage } from "./stage.ts";
import type { Subject } from "./subject.ts";

/** The subject that the template's filter asks for, and nobody publishes. */
const TEMPLATE_SUBJECT = "template:1";
/** Days over which the events on record were accepted, up to now: within the retention. */
const SPREAD_MS = 6 * 86_400_000;
/** Longer than any change takes to be everywhere. */
const IN_EFFECT_MS = 6_000;
/** Only against a hang. */
const RECORDED_MS_MAX = 60_000;
/** What was published for the events on record. */
const RECORDED_TYPE = "bench.recorded";

/** A router with these subscriptions, each of a sink and a subject of its own: those of TEN are among them. Running, its changes in effect. */
export async function withSubscriptions(
  stage: Stage,
  count: number,
  choice: Parameters<Stage["fantail"]>[0] = {},
): Promise<Subject> {
  const subject = await stage.fantail(choice);
  const { runtime } = subject;
  await runtime.start();
  for (const [sink, { subject: wanted }] of TEN.entries())
    await runtime.client.subscriptions.create({
      sink: `${stage.sinksUrl}${sink}`,
      types: ["bench.one"],
      filters: [{ exact: { subject: wanted } }],
    });
  if (count > TEN.length) {
    const template = await runtime.client.subscriptions.create({
      sink: `${stage.sinksUrl}0`,
      types: ["bench.one"],
      filters: [{ exact: { subject: TEMPLATE_SUBJECT } }],
    });
    await runtime.kill();
    const more = await subscriptionsLike(subject, template.id, { stage, from: TEN.length, count });
    runtime.edit((database) => addSubscriptions(database, more));
    await runtime.start();
  }
  await inEffect(subject);
  return subject;
}

/** Until all subscriptions are in effect: the first publish after a start loads them. */
async function inEffect(subject: Subject): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, IN_EFFECT_MS));
  await subject.mark();
  await subject.runtime.client.publish({ type: "bench.none", source: "/bench", subject: "0:0" });
  await recorded(subject);
}

/** Until the one event since the mark is on record, and delivered. */
const recorded = (subject: Subject): Promise<void> =>
  until("One event is recorded and delivered", async () => (await subject.outcome(1)).open === 0, {
    withinMs: RECORDED_MS_MAX,
    state: () => subject.runtime.tail(),
  });

async function subscriptionsLike(
  { runtime, encryptionKey }: Subject,
  id: string,
  { stage, from, count }: { readonly stage: Stage; readonly from: number; readonly count: number },
): Promise<readonly Row[]> {
  const template = runtime.edit((database) => database.prepare("SELECT * FROM subscriptions WHERE id = ?").get(id));
  if (template === undefined) throw new Error("There is no subscription to copy");
  const vault = createVault([decodeBase64(encryptionKey) ?? new Uint8Array()]);
  const now = Date.now();
  const seal = (of: string, column: "secrets" | "headers", plain: unknown): Promise<string> =>
    vault.seal(JSON.stringify(plain), {
      iv: new Uint8Array(randomBytes(VAULT_IV_BYTES)),
      context: `subscription/default/${of}/${column}`,
    });
  return Promise.all(
    Array.from({ length: count - from }, async (_, place): Promise<Row> => {
      const sink = from + place;
      const own = `sub_${timeOrderedId(now, randomBytes(ID_RANDOM_BYTES))}`;
      const secret = `whsec_${randomBytes(32).toString("base64")}`;
      return {
        ...(template as Row),
        id: own,
        sink: `${stage.sinksUrl}${sink}`,
        wanted: String(template["wanted"]).replace(TEMPLATE_SUBJECT, `${sink}:1`),
        secrets: await seal(own, "secrets", [{ secret, untilMs: null }]),
        headers: await seal(own, "headers", {}),
      };
    }),
  );
}

function addSubscriptions(database: DatabaseSync, rows: readonly Row[]): void {
  const { version } = database.prepare("SELECT version FROM meta").get() as { readonly version: number };
  inOneTransaction(database, () => {
    const insert = inserter(database, "subscriptions", rows[0] ?? {});
    for (const [place, row] of rows.entries()) insert({ ...row, version: version + place + 1 });
    database.prepare("UPDATE meta SET version = version + ?").run(rows.length);
    database.prepare("UPDATE buses SET subscriptions = subscriptions + ? WHERE bus = 'default'").run(rows.length);
  });
}

/** The same router with so many delivered events more on record, each with one delivery. Running again after it. */
export async function withHistory(stage: Stage, subject: Subject, count: number): Promise<void> {
  const { runtime } = subject;
  const one = { ...subject.target, run: "template", batch: 1, payload: "1 kB" } as const;
  await subject.mark();
  const kinds = TEN.slice(0, 1).map((kind) => ({ ...kind }));
  const { refused } = await stage.load.call("publish", { ...one, kinds, pace: { requests: 1, perSecond: 1 } });
  if (refused !== null) throw new Error(`The event to copy was refused: ${refused}`);
  await recorded(subject);
  await stage.sinks.call("take", "template");
  await runtime.kill();
  runtime.edit((database) => addEvents(database, count, RECORDED_TYPE));
  await runtime.start();
  await inEffect(subject);
}

/** So many events more over six days up to the newest one that has deliveries: like it, with deliveries like its own. */
export function addEvents(database: DatabaseSync, count: number, type?: string): void {
  const event = database.prepare("SELECT * FROM events WHERE matched > 0 ORDER BY seq DESC LIMIT 1").get();
  const deliveries = database.prepare("SELECT * FROM deliveries WHERE seq = ?").all(event?.["seq"] ?? null);
  const [delivery] = deliveries;
  if (event === undefined || delivery === undefined) throw new Error("There is no event to copy");
  const fromMs = Number(event["accepted_ms"]) - SPREAD_MS;
  inOneTransaction(database, () => {
    const [insertEvent, insertDelivery] = [
      inserter(database, "events", event),
      inserter(database, "deliveries", delivery),
    ];
    for (let place = 0; place < count; place += 1) {
      const acceptedMs = Math.floor(fromMs + (place / count) * SPREAD_MS);
      const seq = timeOrderedId(acceptedMs, randomBytes(ID_RANDOM_BYTES));
      const eventId = `evt_${timeOrderedId(Math.floor(Math.random() * acceptedMs), randomBytes(ID_RANDOM_BYTES))}`;
      const own = { seq, event_id: eventId, accepted_ms: acceptedMs, id: `recorded.${place}` };
      insertEvent({ ...event, ...own, ...(type === undefined ? {} : { type }) });
      for (const one of deliveries) insertDelivery({ ...one, seq });
    }
  });
}
