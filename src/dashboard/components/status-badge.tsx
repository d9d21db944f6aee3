/** The states of deliveries and subscriptions. */
export type Status =
  | "pending"
  | "retrying"
  | "held"
  | "delivered"
  | "dead"
  | "cancelled"
  | "active"
  | "paused"
  | "disabled";

type Tone = "good" | "busy" | "warn" | "bad" | "quiet";

const TONES: Readonly<Record<Status, Tone>> = {
  pending: "busy",
  retrying: "warn",
  held: "quiet",
  delivered: "good",
  dead: "bad",
  cancelled: "quiet",
  active: "good",
  paused: "quiet",
  disabled: "bad",
};

/** The word itself in the colour of what it means: the colour alone says nothing. */
export function StatusBadge({ status }: { readonly status: Status }) {
  return <span class={`badge ${TONES[status]}`}>{status}</span>;
}
