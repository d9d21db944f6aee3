import type { ComponentChildren } from "preact";

interface EmptyProps {
  /** `No events yet`. */
  readonly title: string;
  /** What to do about it. */
  readonly children?: ComponentChildren;
}

/** Says that there is nothing, and what would make something. */
export function Empty({ title, children }: EmptyProps) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}
