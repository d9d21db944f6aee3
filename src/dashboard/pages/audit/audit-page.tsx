import { useState } from "preact/hooks";
import type { AuditEntry, AuditQuery } from "../../../client/index.ts";
import { Empty } from "../../components/empty.tsx";
import { ErrorLine } from "../../components/error-line.tsx";
import { FilterBar, type FilterField } from "../../components/filter-bar.tsx";
import { Loading } from "../../components/loading.tsx";
import { MemberChanges } from "../../components/member-changes.tsx";
import { LacksScope } from "../../components/lacks-scope.tsx";
import { Time } from "../../components/time.tsx";
import { useList, type Listed } from "../../data/use-list.ts";
import { useQuery } from "../../data/use-query.ts";
import { useSession } from "../../session/session.tsx";
import { Page } from "../../shell/page.tsx";
import { differencesOf } from "./differences.ts";

const ACTIONS = [
  "bus.created",
  "bus.changed",
  "bus.deleted",
  "subscription.created",
  "subscription.changed",
  "subscription.disabled",
  "subscription.deleted",
  "key.created",
  "key.changed",
  "key.rotated",
  "key.revoked",
  "event.erased",
] as const satisfies readonly AuditEntry["action"][];

const FIELDS: readonly FilterField[] = [
  { name: "actor", label: "Actor", kind: "text", placeholder: "root, system or key_…" },
  { name: "action", label: "Action", kind: "choice", choices: ACTIONS },
  { name: "target", label: "Target", kind: "text", placeholder: "sub_…, key_… or a bus" },
  { name: "since", label: "Since", kind: "time" },
  { name: "until", label: "Until", kind: "time" },
];

/** Who changed what, newest first, searched by what is in the URL. */
export function AuditPage() {
  const { may } = useSession();
  return (
    <Page title="Audit">
      {may("manage") ? (
        <>
          <FilterBar label="Search the audit" fields={FIELDS} />
          <Entries />
        </>
      ) : (
        <LacksScope scope="manage" to="see the audit" />
      )}
    </Page>
  );
}

function Entries() {
  const { client, bus } = useSession();
  const [query] = useQuery();
  const list = useList(
    (cursor, signal) => client.audit.list(askedOf(query), { signal }).page(cursor),
    [bus, ...FIELDS.map(({ name }) => query[name])],
  );
  const { rows, error, isLoading, hasMore, more, retry } = list;
  return (
    <div class="panel" aria-busy={isLoading}>
      <ErrorLine error={error} what="The audit cannot be loaded" onRetry={retry} />
      {rows === null && isLoading ? <Loading label="Loading the audit" lines={8} /> : null}
      {rows === null || rows.length === 0 ? null : (
        <ul class="entries" aria-label="audit">
          {rows.map((entry) => (
            <Entry key={entry.id} entry={entry} />
          ))}
        </ul>
      )}
      {isEmpty(list) ? (
        <Empty title="No changes">
          <p>Each change of buses, subscriptions and keys is noted here, with who made it.</p>
        </Empty>
      ) : null}
      {hasMore ? (
        <div class="more">
          <button type="button" class="button" disabled={isLoading} onClick={more}>
            {isLoading ? "Loading…" : "Load more"}
          </button>
        </div>
      ) : null}
    </div>
  );
}

/** A page may be empty, and still not be the last. */
const isEmpty = ({ rows, hasMore, isLoading }: Listed<AuditEntry>): boolean =>
  rows?.length === 0 && !hasMore && !isLoading;

function askedOf(query: Readonly<Record<string, string>>): AuditQuery {
  const { action, ...texts } = Object.fromEntries(
    FIELDS.flatMap(({ name }) => (query[name] ? [[name, query[name]]] : [])),
  );
  const known = ACTIONS.find((one) => one === action);
  return { ...texts, ...(known === undefined ? {} : { action: known }) };
}

/** One change; opened, what it changed. */
function Entry({ entry }: { readonly entry: AuditEntry }) {
  const [isOpen, setOpen] = useState(false);
  const { at, actor, action, target, request_id, before, after } = entry;
  const changes = isOpen ? differencesOf(before, after) : [];
  return (
    <li>
      <button type="button" class="entry" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <strong>{action}</strong>
        <span class="mono entry-target">{target}</span>
        <span class="dim entry-actor">
          by <span class="mono">{actor}</span>
        </span>
        <span class="dim">
          <Time at={at} />
        </span>
      </button>
      {isOpen ? (
        <div class="entry-more stack">
          {changes.length === 0 ? (
            <p class="hint">Nothing of what is shown changed.</p>
          ) : (
            <MemberChanges changes={changes} />
          )}
          <p class="hint">
            <Time at={at} show="absolute" />
            {request_id === null ? "" : `, request ${request_id}`}
          </p>
        </div>
      ) : null}
    </li>
  );
}
