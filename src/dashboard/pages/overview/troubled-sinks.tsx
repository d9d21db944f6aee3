import type { SinkHealth } from "../../../client/index.ts";
import type { Column } from "../../components/data-table.tsx";
import { Empty } from "../../components/empty.tsx";
import { ListView } from "../../components/list-view.tsx";
import { Time } from "../../components/time.tsx";
import { useList } from "../../data/use-list.ts";
import type { KnownSubscriptions } from "../../data/use-subscriptions.ts";
import { pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { duration, percent } from "./figures.ts";

const BREAKER_TONES = { closed: "quiet", "half-open": "warn", open: "bad" } as const;

interface TroubledSinksProps {
  readonly nameOf: KnownSubscriptions["nameOf"];
  /** Milliseconds. */
  readonly everyMs: number;
}

/** The sinks that fail or are slow, each with what the router does about it. */
export function TroubledSinks({ nameOf, everyMs }: TroubledSinksProps) {
  const { client } = useSession();
  const list = useList((cursor, signal) => client.health.list({}, { signal }).page(cursor), [], { everyMs });
  const columns: readonly Column<SinkHealth>[] = [
    { label: "Subscription", cell: ({ subscription_id }) => nameOf(subscription_id) },
    {
      label: "Breaker",
      cell: ({ breaker }) => <span class={`badge ${BREAKER_TONES[breaker]}`}>{breaker}</span>,
    },
    { label: "Lane", cell: ({ lane }) => <span class={`badge ${lane === "slow" ? "warn" : "quiet"}`}>{lane}</span> },
    { label: "Failing", cell: ({ failure_rate }) => percent(failure_rate * 100), align: "end" },
    { label: "In a row", cell: ({ failures }) => failures, align: "end", isMinor: true },
    { label: "Failing since", cell: ({ failing_since }) => <Time at={failing_since} />, align: "end" },
    { label: "Takes", cell: ({ latency_ms }) => duration(latency_ms), align: "end", isMinor: true },
    { label: "Next probe", cell: ({ probe_at, paused_until }) => <Time at={probe_at ?? paused_until} />, align: "end" },
  ];
  return (
    <section class="section" aria-labelledby="sinks-in-trouble">
      <h2 id="sinks-in-trouble">Sinks in trouble</h2>
      <ListView
        what="sinks in trouble"
        list={list}
        columns={columns}
        keyOf={({ subscription_id }) => subscription_id}
        hrefOf={({ subscription_id }) => pathOf("subscription", subscription_id)}
        empty={
          <Empty title="No sink is in trouble">
            <p>Those that fail or are slow come here.</p>
          </Empty>
        }
      />
    </section>
  );
}
