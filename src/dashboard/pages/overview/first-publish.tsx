import { CopyButton } from "../../components/copy-button.tsx";
import { ErrorLine } from "../../components/error-line.tsx";
import { publishCommand } from "../../data/curl.ts";
import { useAction } from "../../data/use-action.ts";
import { useSession } from "../../session/session.tsx";

interface FirstPublishProps {
  /** One that the subscription takes; null: it takes all. */
  readonly type: string | null;
}

/** Publishes an event at a click, or shows how a shell does. */
export function FirstPublish({ type }: FirstPublishProps) {
  const { client, session, bus, may } = useSession();
  const event = { type: type ?? "hello.world", data: { message: "Hello" } };
  const command = publishCommand({ url: location.origin, bus: session.is_root ? bus : null, event });
  const publish = useAction(async () => {
    await client.publish(event);
  });
  return (
    <div class="stack">
      {may("publish") ? (
        <div class="row">
          <button type="button" class="button primary" disabled={publish.isRunning} onClick={() => void publish.run()}>
            {publish.isRunning ? "Publishing…" : `Publish ${event.type}`}
          </button>
          <span class="dim">or from a shell:</span>
        </div>
      ) : (
        <p>This key may not publish. With one that may:</p>
      )}
      <ErrorLine error={publish.error} />
      <pre class="command" tabIndex={0} role="region" aria-label="The command">
        {command}
      </pre>
      <div class="row">
        <CopyButton text={command} label="Copy the command" />
        <span class="hint">
          <code>$FANTAIL_KEY</code> is a key with the scope publish. This page sees the event by itself.
        </span>
      </div>
    </div>
  );
}
