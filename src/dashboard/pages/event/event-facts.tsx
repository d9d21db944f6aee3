import type { ComponentChildren } from "preact";
import type { EventOnRecord } from "../../../client/index.ts";
import { CopyButton } from "../../components/copy-button.tsx";
import { Facts } from "../../components/facts.tsx";
import { Panel } from "../../components/panel.tsx";
import { Time } from "../../components/time.tsx";

/** What is on record of an event, apart from what it says. */
export function EventFacts({ event }: { readonly event: EventOnRecord }) {
  const { event_id, id, source, subject, accepted_at, erased_at, matched, duplicates, bytes } = event;
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    ["Source", <Text key="source" text={source} />],
    ["Subject", <Text key="subject" text={subject} />],
    ["Producer's id", <Copied key="id" text={id} label="Copy the producer's id" />],
    ["Event id", <Copied key="event-id" text={event_id} label="Copy the event id" />],
    ["Accepted", <Time key="accepted" at={accepted_at} />],
    ["Matched", `${matched} ${matched === 1 ? "subscription" : "subscriptions"}`],
    ["Published again", duplicates === 0 ? "never" : duplicates === 1 ? "once" : `${duplicates} times`],
    ["Size", `${bytes.toLocaleString("en")} bytes`],
  ];
  return (
    <Panel title="Facts">
      <Facts facts={erased_at === null ? facts : [...facts, ["Erased", <Time key="erased" at={erased_at} />]]} />
    </Panel>
  );
}

/** Null: there is none, or it is erased. */
function Text({ text }: { readonly text: string | null }) {
  return text === null ? <span class="dim">–</span> : <span class="mono">{text}</span>;
}

function Copied({ text, label }: { readonly text: string | null; readonly label: string }) {
  if (text === null) return <Text text={null} />;
  return (
    <span class="with-copy">
      <span class="mono">{text}</span>
      <CopyButton text={text} label={label} isIcon />
    </span>
  );
}
