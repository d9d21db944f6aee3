import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { useEffect } from "preact/hooks";
import { isEventId } from "../../../core/ids.ts";
import { Empty } from "../../components/empty.tsx";
import { FilterBar, type FilterField } from "../../components/filter-bar.tsx";
import { ListView } from "../../components/list-view.tsx";
import { LacksScope } from "../../components/lacks-scope.tsx";
import { useList } from "../../data/use-list.ts";
import { useQuery, type Query } from "../../data/use-query.ts";
import { pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";
import { COLUMNS } from "./columns.tsx";
import { LiveTail } from "./live-tail.tsx";
import { Publish } from "./publish.tsx";

/** What a stream can be narrowed by, too. */
const STREAM_FIELDS: readonly FilterField[] = [
  { name: "type", label: "Type", kind: "text", placeholder: "order.created" },
  { name: "source", label: "Source", kind: "text", placeholder: "/shop" },
  { name: "subject", label: "Subject", kind: "text" },
];
const FIELDS: readonly FilterField[] = [
  ...STREAM_FIELDS,
  { name: "id", label: "Id", kind: "text", placeholder: "evt_…" },
  { name: "since", label: "Since", kind: "time" },
  { name: "until", label: "Until", kind: "time" },
];

/** The events of the bus: searched, or followed as they come. Which of it, and by what, is in the URL; so is the form that publishes one. */
export function EventsPage() {
  const { may } = useSession();
  const [query] = useQuery();
  if (!may("read"))
    return (
      <Frame>
        <LacksScope scope="read" to="see events" />
      </Frame>
    );
  return query["live"] === "yes" ? <Live /> : <Search />;
}

interface FrameProps {
  /** Absent: there is nothing to load anew. */
  readonly onRefresh?: () => void;
  readonly children: ComponentChildren;
}

/** What both have: the buttons, and the form. */
function Frame({ onRefresh, children }: FrameProps) {
  const { may } = useSession();
  const [query, setQuery] = useQuery();
  const { publish = "", live } = query;
  const isLive = live === "yes";
  const isPublishing = may("publish") && (publish !== "" || !may("read"));
  return (
    <Page
      title="Events"
      actions={
        <>
          {onRefresh === undefined ? null : (
            <button type="button" class="button" onClick={onRefresh}>
              Refresh
            </button>
          )}
          {may("read") ? (
            <button
              type="button"
              class={isLive ? "button on" : "button"}
              aria-pressed={isLive}
              onClick={() => setQuery({ live: isLive ? "" : "yes" })}
            >
              <span class={isLive ? "pulse on" : "pulse"} aria-hidden="true" />
              Live
            </button>
          ) : null}
          {may("publish") && !isPublishing ? (
            <button type="button" class="button primary" onClick={() => setQuery({ publish: "new" })}>
              Publish an event
            </button>
          ) : null}
        </>
      }
    >
      {isPublishing ? (
        <Publish
          like={isEventId(publish) ? publish : null}
          onClose={may("read") ? () => setQuery({ publish: "" }) : null}
        />
      ) : null}
      {children}
    </Page>
  );
}

/** The members of the query that these fields have. */
const chosenOf = (query: Query, fields: readonly FilterField[]): Record<string, string> =>
  Object.fromEntries(fields.flatMap(({ name }) => (query[name] ? [[name, query[name]]] : [])));

function Live() {
  const [query] = useQuery();
  const chosen = chosenOf(query, STREAM_FIELDS);
  return (
    <Frame>
      <FilterBar label="Narrow the events" fields={STREAM_FIELDS} />
      <LiveTail key={JSON.stringify(chosen)} query={chosen} />
    </Frame>
  );
}

function Search() {
  const { client } = useSession();
  const { route } = useLocation();
  const [query] = useQuery();
  const { id = "" } = query;
  const isOne = isEventId(id);
  // What names one event alone leads to it.
  useEffect(() => {
    if (isOne) route(pathOf("event", id), true);
  }, [isOne]);
  const chosen = chosenOf(query, FIELDS);
  const list = useList(
    (cursor, signal) => client.events.list(chosen, { signal }).page(cursor),
    FIELDS.map(({ name }) => query[name]),
  );
  return (
    <Frame onRefresh={list.reload}>
      <FilterBar label="Search events" fields={FIELDS} />
      <ListView
        what="events"
        list={list}
        columns={COLUMNS}
        keyOf={({ event_id }) => event_id}
        hrefOf={({ event_id }) => pathOf("event", event_id)}
        empty={
          Object.keys(chosen).length > 0 ? (
            <Empty title="No event is like that">
              <p>Types, sources, subjects and ids are compared exactly.</p>
            </Empty>
          ) : (
            <Empty title="No events yet">
              <p>What is published to this bus comes here.</p>
            </Empty>
          )
        }
      />
    </Frame>
  );
}
