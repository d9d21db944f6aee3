import { useState } from "preact/hooks";
import type { BusSummary } from "../../../client/index.ts";
import { OPERATOR_BUS } from "../../../core/notice.ts";
import type { Column } from "../../components/data-table.tsx";
import { Empty } from "../../components/empty.tsx";
import { ListView } from "../../components/list-view.tsx";
import { Time } from "../../components/time.tsx";
import { useToast } from "../../components/toast.tsx";
import { useList } from "../../data/use-list.ts";
import { useSession, useSessionHandle } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";
import { BusForm } from "./bus-form.tsx";
import { DeleteBusDialog } from "./delete-bus-dialog.tsx";

/** What is open beside the list. */
type Open = { readonly kind: "new" } | { readonly kind: "edit" | "delete"; readonly bus: BusSummary };

/** The buses of the deployment, for the root key. */
export function BusesPage() {
  const { session } = useSession();
  return session.is_root ? (
    <Buses />
  ) : (
    <Page title="Buses">
      <Empty title="The key does not allow this">
        <p>Buses are for the root key.</p>
      </Empty>
    </Page>
  );
}

function Buses() {
  const { client } = useSession();
  const { retry } = useSessionHandle();
  const say = useToast();
  const [open, setOpen] = useState<Open | null>(null);
  const list = useList((cursor, signal) => client.buses.list({}, { signal }).page(cursor), []);
  const close = () => setOpen(null);
  const saved = (what: string) => {
    say(what);
    close();
    // The choice of buses in the shell is loaded anew as well.
    retry();
  };
  return (
    <Page
      title="Buses"
      actions={
        <button type="button" class="button primary" onClick={() => setOpen({ kind: "new" })}>
          New bus
        </button>
      }
    >
      {open?.kind === "new" ? (
        <BusForm
          key="new"
          saved={null}
          onCancel={close}
          onSave={async (name, settings) => {
            await client.buses.put(name, settings, { ifAbsent: true });
            saved("Created");
          }}
        />
      ) : null}
      {open?.kind === "edit" ? (
        <BusForm
          key={open.bus.bus}
          saved={open.bus}
          onCancel={close}
          onSave={async (name, settings) => {
            await client.buses.update(name, settings, { ifMatch: open.bus.version });
            saved("Saved");
          }}
        />
      ) : null}
      <ListView
        what="buses"
        list={list}
        columns={columnsOf(setOpen)}
        keyOf={({ bus }) => bus}
        empty={
          <Empty title="No buses yet">
            <p>A bus is a namespace of events, subscriptions and keys.</p>
          </Empty>
        }
      />
      <DeleteBusDialog of={open?.kind === "delete" ? open.bus : null} onClose={close} onDeleted={retry} />
    </Page>
  );
}

/** The router needs them, and refuses it. */
const UNDELETABLE: ReadonlySet<string> = new Set(["default", OPERATOR_BUS]);

const inBytes = (value: number | null) =>
  value === null ? <span class="dim">the most</span> : `${value.toLocaleString("en")} B`;

const columnsOf = (onOpen: (open: Open) => void): readonly Column<BusSummary>[] => [
  { label: "Name", cell: ({ bus }) => <strong class="mono">{bus}</strong> },
  { label: "Subscriptions", cell: ({ subscriptions }) => subscriptions.toLocaleString("en"), align: "end" },
  { label: "Keys", cell: ({ keys }) => keys.toLocaleString("en"), align: "end" },
  {
    label: "Retention",
    cell: ({ retention_days: days }) =>
      days === null ? <span class="dim">default</span> : `${days} ${days === 1 ? "day" : "days"}`,
  },
  { label: "Log level", cell: ({ log_level }) => log_level },
  { label: "Largest event", cell: ({ event_bytes_max }) => inBytes(event_bytes_max), align: "end", isMinor: true },
  {
    label: "Largest publish",
    cell: ({ request_bytes_max }) => inBytes(request_bytes_max),
    align: "end",
    isMinor: true,
  },
  { label: "Made", cell: ({ created_at }) => <Time at={created_at} />, isMinor: true },
  {
    label: "Actions",
    align: "end",
    cell: (bus) => (
      <span class="row-buttons">
        <button
          type="button"
          class="button small"
          aria-label={`Settings of ${bus.bus}`}
          onClick={() => onOpen({ kind: "edit", bus })}
        >
          Settings
        </button>
        {UNDELETABLE.has(bus.bus) ? null : (
          <button
            type="button"
            class="button small"
            aria-label={`Delete ${bus.bus}`}
            onClick={() => onOpen({ kind: "delete", bus })}
          >
            Delete
          </button>
        )}
      </span>
    ),
  },
];
