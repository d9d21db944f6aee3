import type { EventSummary } from "../../../client/index.ts";
import type { Column } from "../../components/data-table.tsx";
import { Time } from "../../components/time.tsx";

/** Of events in a list, and as they come. */
export const COLUMNS: readonly Column<EventSummary>[] = [
  { label: "Type", cell: ({ type }) => <span class="mono">{type}</span> },
  { label: "Source", cell: ({ source }) => <Erasable text={source} /> },
  { label: "Subject", cell: ({ subject }) => <Erasable text={subject} />, isMinor: true },
  { label: "Id", cell: ({ id }) => <Erasable text={id} />, isMinor: true },
  { label: "Matched", cell: ({ matched }) => matched, align: "end" },
  { label: "Bytes", cell: ({ bytes }) => bytes.toLocaleString("en"), align: "end", isMinor: true },
  { label: "Accepted", cell: ({ accepted_at }) => <Time at={accepted_at} />, align: "end" },
];

/** Null: there is none, or it is erased. */
function Erasable({ text }: { readonly text: string | null }) {
  return text === null ? <span class="dim">–</span> : <span class="cut">{text}</span>;
}
