import { useToast } from "./toast.tsx";

interface CopyButtonProps {
  /** What is copied. */
  readonly text: string;
  /** What it is: `Copy the id`. */
  readonly label: string;
  /** True: only an icon is seen, beside what it copies. */
  readonly isIcon?: boolean;
}

/** Copies a text, and says so. */
export function CopyButton({ text, label, isIcon = false }: CopyButtonProps) {
  const say = useToast();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      // Browsers refuse without a secure page or a permission, and say nothing useful.
      say("The browser does not let this page copy", "bad");
    }
  };
  return (
    <button
      type="button"
      class={isIcon ? "icon-button" : "button small"}
      aria-label={isIcon ? label : undefined}
      title={isIcon ? label : undefined}
      onClick={() => void copy()}
    >
      {isIcon ? (
        <svg viewBox="0 0 16 16" class="icon" aria-hidden="true">
          <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
          <path d="M10.500 3.500v-.5a1 1 0 0 0-1-1H3.500a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h.5" />
        </svg>
      ) : (
        label
      )}
    </button>
  );
}
