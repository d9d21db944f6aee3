import type { EventSummary } from "../../../client/index.ts";
import { Empty } from "../../components/empty.tsx";
import type { Column } from "../../components/data-table.tsx";
import { FilterBar, type FilterField } from "../../components/filter-bar.tsx";
import { ListView } from "../../components/list-view.tsx";
import { Time } from "../../components/time.tsx";
import { useList } from "../../data/use-list.ts";
import { useQuery } from "../../data/use-query.ts";
import { pathOf } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";

const FIELDS: readonly FilterField[] = [
  { name: "type", label: "Type", kind: "text", placeholder: "order.created" },
  { name: "source", label: "Source", kind: "text", placeholder: "/shop" },
  { name: "subject", label: "Subject", kind: "text" },
  { name: "since", label: "Since", kind: "time" },
  { name: "until", label: "Until", kind: "time" },
];

const COLUMNS: readonly Column<EventSummary>[] = [
  { label: "Type", cell: ({ type }) => <span class="mono">{type}</span> },
  { label: "Source", cell: ({ source }) => <Erasable text={source} /> },
  { label: "Subject", cell: ({ subject }) => <Erasable text={subject} />, isMinor: true },
  { label: "Id", cell: ({ id }) => <Erasable text={id} />, isMinor: true },
  { label: "Matched", cell: ({ matched }) => matched, align: "end" },
  { label: "Bytes", cell: ({ bytes }) => bytes.toLocaleString("en"), align: "end", isMinor: true },
  { label: "Accepted", cell: ({ accepted_at }) => <Time at={accepted_at} />, align: "end" },
];

/** The events of the bus, newest first, searched by what is in the URL. */
export function EventsPage() {
  const { client } = useSession();
  const [query] = useQuery();
  const chosen = Object.fromEntries(FIELDS.flatMap(({ name }) => (query[name] ? [[name, query[name]]] : [])));
  const list = useList(
    (cursor, signal) => client.events.list(chosen, { signal }).page(cursor),
    FIELDS.map(({ name }) => query[name]),
  );
  const isSearch = Object.keys(chosen).length > 0;
  return (
    <Page
      title="Events"
      actions={
        <button type="button" class="button" onClick={list.reload}>
          Refresh
        </button>
      }
    >
      <FilterBar label="Search events" fields={FIELDS} />
      <ListView
        what="events"
        list={list}
        columns={COLUMNS}
        keyOf={({ event_id }) => event_id}
        hrefOf={({ event_id }) => pathOf("event", event_id)}
        empty={
          isSearch ? (
            <Empty title="No event is like that">
              <p>Types, sources and subjects are compared exactly.</p>
            </Empty>
          ) : (
            <Empty title="No events yet">
              <p>What is published to this bus comes here.</p>
            </Empty>
          )
        }
      />
    </Page>
  );
}

/** Null: there is none, or it is erased. */
function Erasable({ text }: { readonly text: string | null }) {
  return text === null ? <span class="dim">–</span> : <span class="cut">{text}</span>;
}
