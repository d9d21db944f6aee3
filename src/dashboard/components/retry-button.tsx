import type { Delivery } from "../../client/index.ts";
import { useAction } from "../data/use-action.ts";
import { useSession } from "../session/session.tsx";
import { ErrorLine } from "./error-line.tsx";
import { useToast } from "./toast.tsx";

interface RetryButtonProps {
  readonly delivery: Pick<Delivery, "id" | "status">;
  /** Called when it is due. */
  readonly onRetried: () => void;
  /** True: it stands in a row. */
  readonly isSmall?: boolean;
}

/** Tries a delivery again, at once; for keys that may. */
export function RetryButton({ delivery, onRetried, isSmall = false }: RetryButtonProps) {
  const { client, may } = useSession();
  const say = useToast();
  const retry = useAction(async () => {
    await client.deliveries.retry(delivery.id);
    say("It is tried again now");
    onRetried();
  });
  if (!may("manage")) return null;
  return (
    <>
      <ErrorLine error={retry.error} />
      <button
        type="button"
        class={isSmall ? "button small" : "button"}
        disabled={retry.isRunning}
        onClick={() => void retry.run()}
      >
        {delivery.status === "delivered" ? "Deliver again" : "Retry now"}
      </button>
    </>
  );
}
