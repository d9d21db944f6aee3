import { lineOf } from "../data/problem-line.ts";

interface ErrorLineProps {
  /** Null: nothing is shown. */
  readonly error: unknown;
  /** What could not be done, when the error alone does not say it. */
  readonly what?: string;
  readonly onRetry?: () => void;
}

/** What went wrong, in one line, read out at once. */
export function ErrorLine({ error, what, onRetry }: ErrorLineProps) {
  if (error === null || error === undefined) return null;
  return (
    <p class="error-line" role="alert">
      <span>
        {what === undefined ? "" : `${what}: `}
        {lineOf(error)}
      </span>
      {onRetry === undefined ? null : (
        <button type="button" class="button small" onClick={onRetry}>
          Retry
        </button>
      )}
    </p>
  );
}
