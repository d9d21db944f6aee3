import { useState } from "preact/hooks";
import type { EventOnRecord } from "../../../client/index.ts";
import { ConfirmDialog } from "../../components/confirm-dialog.tsx";
import { CopyButton } from "../../components/copy-button.tsx";
import { useToast } from "../../components/toast.tsx";
import { publishCommand } from "../../data/curl.ts";
import { PATHS } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";
import { isRounded } from "./exact.ts";

interface EventActionsProps {
  readonly event: EventOnRecord;
  readonly onErased: () => void;
}

/** What can be done with an event, by what the key may. */
export function EventActions({ event, onErased }: EventActionsProps) {
  const { session, bus, may } = useSession();
  // What is rounded would be another event.
  const body = isRounded(event.event) ? null : event.event;
  return (
    <>
      {body === null ? null : (
        <CopyButton
          text={publishCommand({ url: location.origin, bus: session.is_root ? bus : null, event: body })}
          label="Copy as curl"
        />
      )}
      {body === null || !may("publish") ? null : (
        <a class="button small" href={`${PATHS.events}?${new URLSearchParams({ publish: event.event_id }).toString()}`}>
          Publish one like it
        </a>
      )}
      {event.erased_at === null && may("manage") ? <Erase eventId={event.event_id} onErased={onErased} /> : null}
    </>
  );
}

function Erase({ eventId, onErased }: { readonly eventId: string; readonly onErased: () => void }) {
  const { client } = useSession();
  const say = useToast();
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <button type="button" class="button small" onClick={() => setAsking(true)}>
        Erase…
      </button>
      <ConfirmDialog
        isOpen={isAsking}
        title="Erase this event?"
        confirm="Erase"
        isDanger
        onConfirm={async () => {
          await client.events.erase(eventId);
          say("The event is erased");
          onErased();
        }}
        onClose={() => setAsking(false)}
      >
        <p>
          Its id, source, subject and data are removed, and so is what sinks answered. Its type and the counts stay;
          deliveries that are open end as cancelled. This cannot be undone.
        </p>
      </ConfirmDialog>
    </>
  );
}
