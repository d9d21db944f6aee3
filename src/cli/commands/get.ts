/** `fantail get`: whatever has an id. */
import type { Delivery, DeliveryInFull, EventOnRecord, Key, SinkHealthInFull, Subscription } from "../../client/api.ts";
import type { Client } from "../../client/client.ts";
import { usage } from "../failure.ts";
import { harmless, type Output } from "../output.ts";
import type { Command, Shell } from "../shell.ts";
import { paintStatus } from "../statuses.ts";
import { details, table } from "../table.ts";
import { keyDetails } from "./keys.ts";
import { subscriptionDetails } from "./subs.ts";

export const get: Command = (parser, run) =>
  parser.command(
    "get <id>",
    "Show an event, a delivery, a subscription or a key",
    (command) =>
      command
        .positional("id", { type: "string", demandOption: true, describe: "evt_…, dlv_…, sub_… or key_…" })
        .example("$0 get evt_bkvkc7cffd3k346324m9wajae1", "An event, how it was routed, its deliveries")
        .example("$0 get dlv_… --json | jq '.attempts[-1]'", "The last attempt of a delivery"),
    (args) => run(args, (shell) => show(shell, args.id)),
  );

async function show({ client, out }: Shell, id: string): Promise<void> {
  const kind = KINDS.find((one) => id.startsWith(`${one}_`));
  if (kind === undefined) throw usage(`${id.slice(0, 60)} is no id: it must begin with evt_, dlv_, sub_ or key_`);
  await SHOWN[kind](await client(), id, out);
}

const KINDS = ["evt", "dlv", "sub", "key"] as const;

const SHOWN = {
  evt: async (client: Client, id: string, out: Output) => {
    const event = await client.events.get(id);
    out.answer(event, () => eventLines(event, out));
  },
  dlv: async (client: Client, id: string, out: Output) => {
    const delivery = await client.deliveries.get(id);
    out.answer(delivery, () => deliveryLines(delivery, out));
  },
  sub: async (client: Client, id: string, out: Output) => {
    const [subscription, health] = await Promise.all([client.subscriptions.get(id), client.subscriptions.health(id)]);
    out.answer({ ...subscription, health }, () => subscriptionLines(subscription, health, out));
  },
  key: async (client: Client, id: string, out: Output) => {
    const key: Key = await client.keys.get(id);
    out.answer(key, () => details(keyDetails(key)));
  },
} as const satisfies Record<(typeof KINDS)[number], unknown>;

function eventLines(event: EventOnRecord, out: Output): readonly string[] {
  return [
    ...details([
      ["event", event.event_id],
      ["bus", event.bus],
      ["type", event.type],
      ["source", event.source],
      ["id", event.id],
      ["subject", event.subject],
      ["accepted", event.accepted_at],
      ["matched", event.matched],
      ["duplicates", event.duplicates],
      ["bytes", event.bytes],
      ...(event.erased_at === null ? [] : ([["erased", event.erased_at]] as const)),
    ]),
    "",
    ...(event.event === null
      ? [out.paint("faint", "The event itself is erased, or no longer kept")]
      : JSON.stringify(event.event, null, 2).split("\n").map(harmless)),
    "",
    ...(event.deliveries.length === 0 ? ["No deliveries"] : deliveriesTable(event.deliveries, out)),
    ...(event.deliveries_next_cursor === null ? [] : ["There are more: fantail get … --json has the cursor"]),
  ];
}

/** One line for each. */
const deliveriesTable = (deliveries: readonly Delivery[], out: Output): readonly string[] =>
  table<Delivery>(
    [
      { name: "delivery", of: ({ id }) => id },
      { name: "subscription", of: (one) => one.subscription_id },
      { name: "status", of: ({ status }) => status, paint: (one, cell) => paintStatus(out, one.status, cell) },
      { name: "attempt", of: ({ attempt }) => attempt, isNumber: true },
      { name: "answer", of: (one) => one.last_attempt?.status ?? one.last_attempt?.error ?? null },
      { name: "cause", of: ({ cause }) => cause },
    ],
    deliveries,
  );

function deliveryLines(delivery: DeliveryInFull, out: Output): readonly string[] {
  return [
    ...details([
      ["delivery", delivery.id],
      ["event", delivery.event_id],
      ["subscription", delivery.subscription_id],
      ["type", delivery.type],
      ["status", delivery.status],
      ["cause", delivery.cause],
      ["due", delivery.due_at],
    ]),
    "",
    ...(delivery.attempts.length === 0
      ? ["No attempt is on record"]
      : table(
          [
            { name: "attempt", of: ({ attempt }) => attempt, isNumber: true },
            { name: "at", of: ({ at }) => at },
            { name: "status", of: ({ status }) => status, isNumber: true },
            { name: "ms", of: (one) => one.duration_ms, isNumber: true },
            { name: "error", of: ({ error }) => error },
            { name: "answer", of: ({ answer }) => answer },
          ],
          delivery.attempts,
        )),
    ...(delivery.status === "dead" ? ["", out.paint("faint", `Try it again: fantail retry ${delivery.id}`)] : []),
  ];
}

function subscriptionLines(subscription: Subscription, health: SinkHealthInFull, out: Output): readonly string[] {
  return [
    ...details(subscriptionDetails(subscription)),
    "",
    ...details([
      ["lane", health.lane],
      ["breaker", health.breaker],
      ["latency ms", health.latency_ms],
      ["failures in a row", health.failures],
      ["oldest undelivered", health.oldest_undelivered_at],
      ["lag s", health.lag_s],
    ]),
    ...(subscription.status === "disabled"
      ? ["", out.paint("bad", `Disabled: ${subscription.disabled_reason ?? "no reason is on record"}`)]
      : []),
  ];
}
