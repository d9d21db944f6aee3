import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";
import type { Subscription } from "../../../client/index.ts";
import { ChoiceField } from "../../components/choice-field.tsx";
import { ConfirmDialog } from "../../components/confirm-dialog.tsx";
import { TextField } from "../../components/text-field.tsx";
import { useToast } from "../../components/toast.tsx";
import { PATHS } from "../../paths.ts";
import { useSession } from "../../session/session.tsx";

interface SubscriptionActionsProps {
  readonly subscription: Subscription;
  readonly onChanged: () => void;
}

type Question = "pause" | "resume" | "delete";

/** What a person does with a subscription as a whole; nothing for a key that does not manage. */
export function SubscriptionActions({ subscription, onChanged }: SubscriptionActionsProps) {
  const { client, may } = useSession();
  const { route } = useLocation();
  const say = useToast();
  const [asked, setAsked] = useState<Question | null>(null);
  const { id, name, status } = subscription;
  const close = () => setAsked(null);
  if (!may("manage")) return null;
  return (
    <>
      {status === "active" ? (
        <button type="button" class="button" onClick={() => setAsked("pause")}>
          Pause
        </button>
      ) : (
        <button type="button" class="button primary" onClick={() => setAsked("resume")}>
          Resume
        </button>
      )}
      <button type="button" class="button" onClick={() => setAsked("delete")}>
        Delete
      </button>
      <ConfirmDialog
        isOpen={asked === "pause"}
        title={`Pause ${name ?? id}?`}
        confirm="Pause"
        onClose={close}
        onConfirm={async () => {
          await client.subscriptions.update(id, { status: "paused" });
          say("Paused");
          onChanged();
        }}
      >
        <p>It goes on taking events. Their deliveries are held until it is resumed.</p>
      </ConfirmDialog>
      <ResumeDialog subscription={subscription} isOpen={asked === "resume"} onClose={close} onChanged={onChanged} />
      <ConfirmDialog
        isOpen={asked === "delete"}
        title={`Delete ${name ?? id}?`}
        confirm="Delete"
        isDanger
        onClose={close}
        onConfirm={async () => {
          await client.subscriptions.delete(id);
          say("Deleted");
          route(PATHS.subscriptions);
        }}
      >
        <p>Nothing is pushed to its sink any more, and its open deliveries are cancelled. It cannot be undone.</p>
      </ConfirmDialog>
    </>
  );
}

const PLACES = [
  { value: "last", label: "All that is held" },
  { value: "latest", label: "Nothing that is held, only what is accepted from now on" },
  { value: "time", label: "What was accepted at a time or later" },
] as const;

type Place = (typeof PLACES)[number]["value"];

interface ResumeDialogProps extends SubscriptionActionsProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

function ResumeDialog({ subscription: { id, name }, isOpen, onClose, onChanged }: ResumeDialogProps) {
  const { client } = useSession();
  const say = useToast();
  const [place, setPlace] = useState<Place>("last");
  const [time, setTime] = useState("");
  return (
    <ConfirmDialog
      isOpen={isOpen}
      title={`Resume ${name ?? id}?`}
      confirm="Resume"
      onClose={onClose}
      onConfirm={async () => {
        await client.subscriptions.update(id, { status: "active", resume_from: placeOf(place, time) });
        say("Resumed");
        onChanged();
      }}
    >
      <ChoiceField label="What goes out" value={place} choices={PLACES} onValue={setPlace} />
      {place === "time" ? (
        <TextField
          label="Accepted since"
          value={time}
          onValue={setTime}
          input={{ type: "datetime-local", step: "1" }}
        />
      ) : null}
      {place === "last" ? null : <p>The other held deliveries end as cancelled, cause skipped.</p>}
    </ConfirmDialog>
  );
}

/** The member `resume_from`. @throws Error when no time is chosen: the dialog shows it. */
function placeOf(place: Place, time: string): string {
  if (place !== "time") return place;
  if (time === "") throw new Error("Choose a time");
  return new Date(time).toISOString();
}
