interface LoadingProps {
  /** What is loaded, for who does not see it: `Loading events`. */
  readonly label: string;
  /** Grey lines in the place of what comes. Default: 3. */
  readonly lines?: number;
}

/** The place of what has not come yet. */
export function Loading({ label, lines = 3 }: LoadingProps) {
  return (
    <div class="loading" role="status">
      <span class="hidden">{label}</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class="skeleton" aria-hidden="true" />
      ))}
    </div>
  );
}
