import { useQuery } from "../../data/use-query.ts";
import { RANGES, type Range } from "./ranges.ts";

/** Chooses how far back one looks; it is in the URL. */
export function RangeChoice({ range }: { readonly range: Range }) {
  const [, setQuery] = useQuery();
  return (
    <div class="segments" role="group" aria-label="Range">
      {RANGES.map(({ name, label }, index) => (
        <button
          key={name}
          type="button"
          aria-pressed={name === range.name}
          onClick={() => setQuery({ range: index === 0 ? "" : name })}
        >
          {label}
        </button>
      ))}
    </div>
  );
}
