import { useState } from "preact/hooks";
import type { Key } from "../../../client/index.ts";
import type { Column } from "../../components/data-table.tsx";
import { Empty } from "../../components/empty.tsx";
import { ListView } from "../../components/list-view.tsx";
import { LacksScope } from "../../components/lacks-scope.tsx";
import { ShownOnce } from "../../components/shown-once.tsx";
import { Time } from "../../components/time.tsx";
import { useToast } from "../../components/toast.tsx";
import { useList } from "../../data/use-list.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";
import { KeyForm } from "./key-form.tsx";
import { RevokeDialog } from "./revoke-dialog.tsx";
import { RotateDialog } from "./rotate-dialog.tsx";

/** What is open beside the list. */
type Open =
  | { readonly kind: "new" }
  | { readonly kind: "edit" | "rotate" | "revoke"; readonly key: Key }
  /** In the only moment in which it is seen. */
  | { readonly kind: "made"; readonly title: string; readonly text: string };

/** The keys of the bus. */
export function KeysPage() {
  const { may } = useSession();
  if (may("manage")) return <Keys />;
  return (
    <Page title="Keys">
      <LacksScope scope="manage" to="see keys" />
    </Page>
  );
}

function Keys() {
  const { client, bus } = useSession();
  const say = useToast();
  const [open, setOpen] = useState<Open | null>(null);
  const list = useList((cursor, signal) => client.keys.list({}, { signal }).page(cursor), [bus]);
  const close = () => setOpen(null);
  // What was made in a dialog stays to be seen when that closes.
  const closeDialog = () => setOpen((before) => (before?.kind === "made" ? before : null));
  return (
    <Page
      title="Keys"
      actions={
        <button type="button" class="button primary" onClick={() => setOpen({ kind: "new" })}>
          New key
        </button>
      }
    >
      {open?.kind === "new" ? (
        <KeyForm
          key="new"
          saved={null}
          onCancel={close}
          onSave={async (key) => {
            const made = await client.keys.create(key);
            setOpen({ kind: "made", title: `The key ${made.name ?? made.id} is made`, text: made.key });
            list.reload();
          }}
        />
      ) : null}
      {open?.kind === "edit" ? (
        <KeyForm
          key={open.key.id}
          saved={open.key}
          onCancel={close}
          onSave={async (key) => {
            await client.keys.update(open.key.id, key, { ifMatch: open.key.version });
            say("Saved");
            close();
            list.reload();
          }}
        />
      ) : null}
      {open?.kind === "made" ? (
        <ShownOnce title={open.title} what="key" text={open.text}>
          <p>
            Send it as <code>authorization: Bearer …</code>
          </p>
          <div>
            <button type="button" class="button" onClick={close}>
              Done
            </button>
          </div>
        </ShownOnce>
      ) : null}
      <ListView
        what="keys"
        list={list}
        columns={columnsOf(setOpen)}
        keyOf={({ id }) => id}
        empty={
          <Empty title="No keys yet">
            <p>Producers publish with a key of their own, so that each can be revoked by itself.</p>
          </Empty>
        }
      />
      <RotateDialog
        of={open?.kind === "rotate" ? open.key : null}
        onClose={closeDialog}
        onRotated={(made) => {
          setOpen({ kind: "made", title: `The successor of ${made.name ?? made.replaces.id} is made`, text: made.key });
          list.reload();
        }}
      />
      <RevokeDialog of={open?.kind === "revoke" ? open.key : null} onClose={closeDialog} onRevoked={list.reload} />
    </Page>
  );
}

const columnsOf = (onOpen: (open: Open) => void): readonly Column<Key>[] => [
  {
    label: "Name",
    cell: ({ name, id }) => (
      <span>
        <strong>{name ?? "–"}</strong>
        <br />
        <span class="mono dim">{id}</span>
      </span>
    ),
  },
  { label: "Scopes", cell: ({ scopes }) => scopes.join(", ") },
  { label: "Types", cell: ({ types }) => <Few texts={types} none="all" />, isMinor: true },
  { label: "Origins", cell: ({ allowed_origins }) => <Few texts={allowed_origins} none="–" />, isMinor: true },
  {
    label: "Status",
    cell: ({ status, replaced_by }) => (
      <span class={status === "expired" ? "badge bad" : replaced_by === null ? "badge good" : "badge warn"}>
        {status === "active" && replaced_by !== null ? "replaced" : status}
      </span>
    ),
  },
  { label: "Expires", cell: ({ expires_at }) => (expires_at === null ? "never" : <Time at={expires_at} />) },
  { label: "Last used", cell: ({ last_used_at }) => (last_used_at === null ? "never" : <Time at={last_used_at} />) },
  {
    label: "Actions",
    align: "end",
    cell: (key) => (
      <span class="row-buttons">
        <RowButton label="Edit" of={key} onPress={() => onOpen({ kind: "edit", key })} />
        {/* What has ended, or has a successor, gets no other one. */}
        {key.status === "active" && key.replaced_by === null ? (
          <RowButton label="Rotate" of={key} onPress={() => onOpen({ kind: "rotate", key })} />
        ) : null}
        <RowButton label="Revoke" of={key} onPress={() => onOpen({ kind: "revoke", key })} />
      </span>
    ),
  },
];

interface RowButtonProps {
  readonly label: string;
  readonly of: Key;
  readonly onPress: () => void;
}

const RowButton = ({ label, of: { name, id }, onPress }: RowButtonProps) => (
  <button type="button" class="button small" aria-label={`${label} ${name ?? id}`} onClick={onPress}>
    {label}
  </button>
);

function Few({ texts, none }: { readonly texts: readonly string[] | null; readonly none: string }) {
  const [first, ...others] = texts ?? [];
  if (first === undefined) return <span class="dim">{none}</span>;
  return (
    <span title={texts?.join("\n")}>
      <span class="mono cut">{first}</span>
      {others.length === 0 ? "" : ` +${others.length}`}
    </span>
  );
}
