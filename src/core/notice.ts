/**
 * What operators want to hear of, as events on a bus of their own: any sink can subscribe to them. Pure. Ids are made of what they tell, so that telling
 * it twice is one event. Nothing is told about that bus itself: what follows from a notice must not make another.
 */
import type { DeliveryKey } from "./delivery.ts";
import type { CloudEvent } from "./event.ts";
import { deliveryIdOf } from "./ids.ts";
import { timestamp } from "./timestamp.ts";
import type { SinkKey } from "./sink-key.ts";

/** The bus of the operators. It is always there, like the default one. */
export const OPERATOR_BUS = "fantail";

export type Notice =
  | {
      readonly type: "subscription.disabled";
      readonly bus: string;
      readonly subscriptionId: string;
      readonly atMs: number;
      readonly reason: string;
    }
  | {
      readonly type: "breaker.opened";
      readonly bus: string;
      readonly subscriptionId: string;
      readonly atMs: number;
      /** In a row. */
      readonly failures: number;
      readonly probeMs: number | null;
    }
  | {
      readonly type: "delivery.dead";
      readonly key: DeliveryKey;
      readonly eventId: string;
      readonly atMs: number;
      readonly cause: string;
      readonly attempt: number;
    }
  | {
      readonly type: "backlog.lagging";
      readonly bus: string;
      readonly subscriptionId: string;
      readonly atMs: number;
      /** When the oldest delivery that is not delivered was accepted. */
      readonly oldestMs: number;
    };

/** About whom it is. */
const ownerOf = (notice: Notice): SinkKey => (notice.type === "delivery.dead" ? notice.key : notice);

/** What happened, and what tells it from all others of its type and subscription. */
function detailsOf(notice: Notice): {
  readonly mark: string | number;
  readonly data: Readonly<Record<string, unknown>>;
} {
  switch (notice.type) {
    case "subscription.disabled":
      return { mark: notice.atMs, data: { reason: notice.reason } };
    case "breaker.opened":
      return {
        mark: notice.atMs,
        data: { failures: notice.failures, probe_at: notice.probeMs === null ? null : timestamp(notice.probeMs) },
      };
    case "delivery.dead": {
      const { key, eventId, cause, attempt } = notice;
      const id = deliveryIdOf(eventId, key.subscriptionId, key.run);
      return { mark: `${id}.${attempt}.${cause}`, data: { delivery_id: id, event_id: eventId, cause, attempt } };
    }
    case "backlog.lagging": {
      const lagSeconds = Math.floor((notice.atMs - notice.oldestMs) / 1_000);
      return {
        mark: notice.oldestMs,
        data: { oldest_undelivered_at: timestamp(notice.oldestMs), lag_s: lagSeconds },
      };
    }
  }
}

/** The notice as an event: its source is the bus that it is about, its subject the subscription. */
function eventOf(notice: Notice): CloudEvent {
  const { bus, subscriptionId } = ownerOf(notice);
  const { mark, data } = detailsOf(notice);
  const { type, atMs } = notice;
  const [id, source] = [`${type}.${subscriptionId}.${mark}`, `/buses/${bus}`];
  return {
    id,
    source,
    type,
    attributes: {
      specversion: "1.0",
      id,
      source,
      type,
      subject: subscriptionId,
      time: timestamp(atMs),
      datacontenttype: "application/json",
    },
    data: { kind: "json", text: JSON.stringify({ bus, subscription_id: subscriptionId, ...data }) },
  };
}

/** These as events, without those about the operators' bus. */
export const noticeEvents = (notices: readonly Notice[]): CloudEvent[] =>
  notices.filter((notice) => ownerOf(notice).bus !== OPERATOR_BUS).map(eventOf);
