import { useState } from "preact/hooks";
import type { Key, KeyRotated } from "../../../client/index.ts";
import { ChoiceField } from "../../components/choice-field.tsx";
import { ConfirmDialog } from "../../components/confirm-dialog.tsx";
import { useSession } from "../../session/session.tsx";

const OVERLAPS = [
  { value: "0", label: "Not at all: it ends at once" },
  { value: "3600", label: "An hour" },
  { value: "86400", label: "A day" },
  { value: "604800", label: "A week" },
  { value: "2592000", label: "30 days" },
] as const;

interface RotateDialogProps {
  /** Null: it is closed. */
  readonly of: Key | null;
  readonly onClose: () => void;
  readonly onRotated: (made: KeyRotated) => void;
}

/** Makes a successor, and lets the former key go on for a while. */
export function RotateDialog({ of, onClose, onRotated }: RotateDialogProps) {
  const { client } = useSession();
  const [overlap, setOverlap] = useState<(typeof OVERLAPS)[number]["value"]>("86400");
  return (
    <ConfirmDialog
      isOpen={of !== null}
      title={`Rotate ${of?.name ?? of?.id ?? ""}?`}
      confirm="Rotate"
      onConfirm={async () => {
        if (of !== null) onRotated(await client.keys.rotate(of.id, { overlap_s: Number(overlap) }));
      }}
      onClose={onClose}
    >
      <p>Another key is made that may do the same. It is shown once.</p>
      <ChoiceField label="The present key goes on for" value={overlap} choices={OVERLAPS} onValue={setOverlap} />
    </ConfirmDialog>
  );
}
