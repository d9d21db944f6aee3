import { useState } from "preact/hooks";
import type { BusSummary } from "../../../client/index.ts";
import { ConfirmDialog } from "../../components/confirm-dialog.tsx";
import { TextField } from "../../components/text-field.tsx";
import { useToast } from "../../components/toast.tsx";
import { useSession } from "../../session/session.tsx";

interface DeleteBusDialogProps {
  /** Null: it is closed. */
  readonly of: BusSummary | null;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

/** Deletes a bus with all that is on it: whoever does so types its name. */
export function DeleteBusDialog({ of, onClose, onDeleted }: DeleteBusDialogProps) {
  const { client } = useSession();
  const say = useToast();
  const [typed, setTyped] = useState("");
  const close = () => {
    setTyped("");
    onClose();
  };
  return (
    <ConfirmDialog
      isOpen={of !== null}
      title={`Delete the bus ${of?.bus ?? ""}?`}
      confirm="Delete the bus"
      isDanger
      onClose={close}
      onConfirm={async () => {
        if (of === null) return;
        if (typed.trim() !== of.bus) throw new Error(`Type the name ${of.bus}`);
        await client.buses.delete(of.bus);
        say("Deleted");
        onDeleted();
      }}
    >
      <p>
        Its {of?.subscriptions ?? 0} subscriptions, {of?.keys ?? 0} keys and all its events are removed. Everything on
        it is refused at once. It cannot be undone.
      </p>
      <TextField
        label="Type the name of the bus"
        value={typed}
        onValue={setTyped}
        input={{ autocomplete: "off", name: "confirm" }}
      />
    </ConfirmDialog>
  );
}
