/** What `steady.ts` and its parts play with: the subscriptions by name, each with its own load, and what its sink has seen. */
import { OPERATOR_BUS } from "../../src/core/notice.ts";
import { recorded, tally, type Recorded } from "./record.ts";
import { until } from "../../scripts/rig/until.ts";
import type { Report } from "./report.ts";
import type { Traffic } from "./sinks-process.ts";
import type { Stage } from "./stage.ts";

/** Far more than anything takes, on a machine that others use too. */
export const WITHIN_MS = 180_000;

/** So long the sink that heals takes to answer: who comes sooner after the probe has not waited for its answer. */
export const HEALING_MS = 200;

/** A retry long after the run, or one that is soon. */
const PATIENT = { retry: { schedule_s: [3_600] } };
const EAGER = { retry: { schedule_s: [10, 10, 10, 10, 10, 3_600] } };

/** Each takes the events whose subject is its name. */
const SUBSCRIPTIONS = {
  often: { path: "/ok/often", settings: { ...PATIENT, rate: { limit: 600, period_s: 60 } } },
  seldom: { path: "/ok/seldom", settings: { ...PATIENT, rate: { limit: 30, period_s: 60 } } },
  narrow: { path: "/ok/narrow?ms=300", settings: { ...PATIENT, concurrency: 2 } },
  healing: { path: `/ill/healing?ms=${HEALING_MS}`, settings: EAGER },
  ill: { path: "/ill/ill", settings: EAGER },
  thawing: { path: "/thaws/thawing?ms=3000&first=6", settings: PATIENT },
  kept: { path: "/ok/kept", settings: PATIENT },
  skipped: { path: "/ok/skipped", settings: PATIENT },
  gone: { path: "/gone/gone", settings: PATIENT },
} satisfies Record<string, { path: string; settings: Parameters<Stage["subscribe"]>[1] }>;

export type Name = keyof typeof SUBSCRIPTIONS;
export const NAMES = Object.keys(SUBSCRIPTIONS) as Name[];

/** As the sinks name it. */
const sinkOf = (name: Name): string => SUBSCRIPTIONS[name].path.replace(/^\/|\?.*$/g, "");

export interface Scene extends Stage {
  /** Of the subscriptions. */
  readonly ids: Readonly<Record<Name, string>>;
  /** On the operators' bus, of a sink that is gone. */
  readonly operatorId: string;
  /** Publishes so many events for that subscription, which are numbered from `from`. */
  load(
    name: Name,
    part: { readonly events: number; readonly perSecond: number; readonly from?: number },
  ): Promise<void>;
  /** What its sink has seen. */
  trafficOf(name: Name): Promise<Traffic>;
  /** Its sink is well from now on. */
  heal(name: Name): Promise<void>;
  recordOf(name: Name): Promise<Recorded[]>;
}

export async function setScene(stage: Stage): Promise<Scene> {
  const { runtime, sinks, subscribe, publish } = stage;
  const ids = new Map<Name, string>();
  for (const name of NAMES) {
    const { path, settings } = SUBSCRIPTIONS[name];
    ids.set(name, await subscribe(path, { ...settings, filters: [{ exact: { subject: name } }] }));
  }
  await subscribe("/notes/operators", { ...PATIENT, format: "binary" }, OPERATOR_BUS);
  const operatorId = await subscribe("/gone/operators", PATIENT, OPERATOR_BUS);
  await stage.inEffect();
  return {
    ...stage,
    ids: Object.fromEntries(ids) as Record<Name, string>,
    operatorId,
    async load(name, { events, perSecond, from = 0 }) {
      const named = Array.from({ length: events }, (_, index) => ({ id: `${name}-${from + index}`, subject: name }));
      const refused = (await publish(named, perSecond)).filter(({ eventId }) => eventId === null).length;
      if (refused > 0) throw new Error(`The router refused ${refused} events of ${name}`);
    },
    trafficOf: (name) => sinks.call("traffic", sinkOf(name)),
    heal: (name) => sinks.call("heal", sinkOf(name)),
    async recordOf(name) {
      const id = ids.get(name);
      return (await recorded(runtime)).filter(({ subscriptionId }) => subscriptionId === id);
    },
  };
}

/** All of so many events of that subscription come to be delivered, and its sink took each once. */
export async function checkOnce(
  report: Report,
  { sinks, recordOf }: Scene,
  { name, events }: { readonly name: Name; readonly events: number },
): Promise<void> {
  let deliveries: Recorded[] = [];
  await until(
    `all ${events} events of ${name} delivered`,
    async () => {
      deliveries = await recordOf(name);
      return deliveries.length === events && deliveries.every(({ state }) => state === "delivered");
    },
    { withinMs: WITHIN_MS, state: () => tally(deliveries) },
  );
  const seen = new Map((await sinks.call("seen", undefined)).map((one) => [one.webhookId, one]));
  const once = deliveries.filter(({ webhookId }) => seen.get(webhookId)?.taken === 1).length;
  report.check(`${name}: ${once} of ${events} events taken exactly once`, once === events);
}
