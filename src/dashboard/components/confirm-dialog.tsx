import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { useAction } from "../data/use-action.ts";
import { ErrorLine } from "./error-line.tsx";

interface ConfirmDialogProps {
  readonly isOpen: boolean;
  /** The question: `Delete the subscription billing?` */
  readonly title: string;
  /** What it does, not `OK`: `Delete`. */
  readonly confirm: string;
  /** True: what is done cannot be undone. */
  readonly isDanger?: boolean;
  /** Does it; the dialog closes when it succeeds, and shows the error when not. */
  readonly onConfirm: () => Promise<void>;
  readonly onClose: () => void;
  /** What will happen. */
  readonly children?: ComponentChildren;
}

/** Asks before something is done. Escape and Cancel close it. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { isOpen, onClose } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={titleId} onClose={onClose}>
      {isOpen ? <Question {...props} titleId={titleId} /> : null}
    </dialog>
  );
}

/** Made anew each time: nothing of the last answer stays. */
function Question(props: ConfirmDialogProps & { readonly titleId: string }) {
  const { title, confirm, isDanger = false, onConfirm, onClose, children, titleId } = props;
  const action = useAction(async () => {
    await onConfirm();
    onClose();
  });
  return (
    <>
      <h2 id={titleId}>{title}</h2>
      {children}
      <ErrorLine error={action.error} />
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class={isDanger ? "button danger" : "button primary"}
          disabled={action.isRunning}
          onClick={() => void action.run()}
        >
          {confirm}
        </button>
      </div>
    </>
  );
}
