/** Which colour a status has, wherever it is shown. */
import type { Delivery, Key, Subscription } from "../client/api.ts";
import type { Output, Tone } from "./output.ts";

const TONES: Readonly<Record<Delivery["status"] | Subscription["status"] | Key["status"], Tone>> = {
  delivered: "good",
  active: "good",
  pending: "doubtful",
  retrying: "doubtful",
  held: "doubtful",
  paused: "doubtful",
  expired: "faint",
  cancelled: "faint",
  dead: "bad",
  disabled: "bad",
};

/** The cell of a table that shows the status. */
export const paintStatus = (out: Output, status: keyof typeof TONES, cell: string): string =>
  out.paint(TONES[status], cell);
