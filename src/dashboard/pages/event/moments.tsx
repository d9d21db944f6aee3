/** What happened to an event, in order. */
import type { DeliveryInFull } from "../../../client/index.ts";
import { attemptMoment } from "../../components/attempt-moment.tsx";
import { StatusBadge } from "../../components/status-badge.tsx";
import type { Moment } from "../../components/timeline.tsx";
import { pathOf } from "../../paths.ts";
import type { Recorded } from "./recorded.ts";

type NameOf = (subscriptionId: string) => string;

/** Accepted, each attempt of each delivery, and what is to come: the oldest first. */
export function momentsOf({ event, deliveries }: Recorded, nameOf: NameOf): readonly Moment[] {
  const { accepted_at, erased_at } = event;
  const accepted: Moment = { key: "accepted", at: accepted_at, tone: "quiet", what: "Accepted" };
  const erased: readonly Moment[] =
    erased_at === null ? [] : [{ key: "erased", at: erased_at, tone: "warn", what: "Erased" }];
  const happened = [accepted, ...deliveries.flatMap((delivery) => attemptsOf(delivery, nameOf)), ...erased];
  // A stable sort: what has one time stays in its order.
  return [...happened, ...deliveries.flatMap((delivery) => nextOf(delivery, nameOf))].toSorted(
    (a, b) => Date.parse(a.at) - Date.parse(b.at),
  );
}

const attemptsOf = ({ id, subscription_id, attempts }: DeliveryInFull, nameOf: NameOf): readonly Moment[] =>
  attempts.map((attempt) =>
    attemptMoment(attempt, `${id} ${attempt.attempt}`, <a href={pathOf("delivery", id)}>{nameOf(subscription_id)}</a>),
  );

function nextOf({ id, subscription_id, status, due_at }: DeliveryInFull, nameOf: NameOf): readonly Moment[] {
  if (due_at === null) return [];
  const what = (
    <>
      <a href={pathOf("delivery", id)}>{nameOf(subscription_id)}</a>
      <StatusBadge status={status} />
      <span>next attempt</span>
    </>
  );
  return [{ key: `${id} next`, at: due_at, tone: "busy", what }];
}
