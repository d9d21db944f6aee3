import { useState } from "preact/hooks";
import { ErrorLine } from "../../components/error-line.tsx";
import { Loading } from "../../components/loading.tsx";
import { useLoad } from "../../data/use-load.ts";
import { useQuery } from "../../data/use-query.ts";
import { useSubscriptions } from "../../data/use-subscriptions.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";
import { Charts } from "./charts.tsx";
import { FiguresRow } from "./figures-row.tsx";
import { FirstEvent } from "./first-event.tsx";
import { RangeChoice } from "./range-choice.tsx";
import { rangeOf, sinceOf } from "./ranges.ts";
import { TroubledSinks } from "./troubled-sinks.tsx";
import { Unread } from "./unread.tsx";

/** How the bus is doing; of a bus without any event, how to get a first one through. */
export function OverviewPage() {
  const { may } = useSession();
  return may("read") ? <Read /> : <Unread />;
}

function Read() {
  const { client } = useSession();
  const { data, error, reload } = useLoad((signal) => client.events.list({ limit: 1 }, { signal }).page(), []);
  const [isGuiding, setGuiding] = useState(true);
  if (data === null)
    return (
      <Page title="Overview">
        <ErrorLine error={error} what="The overview cannot be loaded" onRetry={reload} />
        {error === null ? <Loading label="Loading the overview" lines={8} /> : null}
      </Page>
    );
  // A page may be empty and still not be the last: then there are events.
  const isNew = data.data.length === 0 && data.next_cursor === null;
  return isNew && isGuiding ? <FirstEvent onDone={() => setGuiding(false)} /> : <Overview />;
}

function Overview() {
  const { client } = useSession();
  const [query] = useQuery();
  const range = rangeOf(query["range"]);
  const { nameOf } = useSubscriptions();
  const { data, error, isLoading, reload } = useLoad(
    (signal) => client.metrics.get({ since: sinceOf(range, Date.now()), step: range.step }, { signal }),
    [range.name],
    { everyMs: range.everyMs },
  );
  return (
    <Page title="Overview" actions={<RangeChoice range={range} />}>
      <ErrorLine error={error} what="The metrics cannot be loaded" onRetry={reload} />
      <div class="overview" aria-busy={data === null && isLoading}>
        {data === null ? (
          error === null ? (
            <Loading label="Loading the metrics" lines={8} />
          ) : null
        ) : (
          <>
            <FiguresRow metrics={data} />
            <Charts metrics={data} />
          </>
        )}
        <TroubledSinks nameOf={nameOf} everyMs={range.everyMs} />
      </div>
    </Page>
  );
}
