import type { ComponentChildren } from "preact";

interface TileProps {
  readonly label: string;
  /** The figure itself. */
  readonly value: string;
  /** What else is to be known of it, in a few words. */
  readonly note?: ComponentChildren;
  /** Default: as it is. */
  readonly tone?: "good" | "warn" | "bad" | undefined;
}

/** One figure. */
export function Tile({ label, value, note, tone }: TileProps) {
  return (
    <div class="panel tile">
      <dt>{label}</dt>
      <dd class={tone === undefined ? "tile-value" : `tile-value ${tone}`}>{value}</dd>
      {note === undefined ? null : <dd class="tile-note">{note}</dd>}
    </div>
  );
}
