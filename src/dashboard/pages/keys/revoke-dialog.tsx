import type { Key } from "../../../client/index.ts";
import { ConfirmDialog } from "../../components/confirm-dialog.tsx";
import { Time } from "../../components/time.tsx";
import { useToast } from "../../components/toast.tsx";
import { useSession } from "../../session/session.tsx";

interface RevokeDialogProps {
  /** Null: it is closed. */
  readonly of: Key | null;
  readonly onClose: () => void;
  readonly onRevoked: () => void;
}

/** Ends a key for good. */
export function RevokeDialog({ of, onClose, onRevoked }: RevokeDialogProps) {
  const { client } = useSession();
  const say = useToast();
  return (
    <ConfirmDialog
      isOpen={of !== null}
      title={`Revoke ${of?.name ?? of?.id ?? ""}?`}
      confirm="Revoke"
      isDanger
      onClose={onClose}
      onConfirm={async () => {
        if (of === null) return;
        await client.keys.revoke(of.id);
        say("Revoked");
        onRevoked();
      }}
    >
      <p>
        Whoever uses it is refused, everywhere within 5 s. It was last used{" "}
        {of === null || of.last_used_at === null ? "never" : <Time at={of.last_used_at} />}. It cannot be undone.
      </p>
    </ConfirmDialog>
  );
}
