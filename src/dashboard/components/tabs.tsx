import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

export interface Tab {
  readonly name: string;
  readonly label: string;
}

interface TabsProps {
  /** What the tabs divide. */
  readonly label: string;
  readonly tabs: readonly Tab[];
  /** The `name` of the one that is shown. */
  readonly current: string;
  readonly onSelect: (name: string) => void;
  /** What the current one shows. */
  readonly children: ComponentChildren;
}

const MOVES: Readonly<Record<string, (index: number, count: number) => number>> = {
  ArrowRight: (index, count) => (index + 1) % count,
  ArrowLeft: (index, count) => (index + count - 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

/** Tabs, moved through by the arrow keys. Bind `current` to the query (`useQuery`), so that a link leads to the tab. */
export function Tabs({ label, tabs, current, onSelect, children }: TabsProps) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const move = (pressed: KeyboardEvent) => {
    const index = MOVES[pressed.key]?.(
      tabs.findIndex(({ name }) => name === current),
      tabs.length,
    );
    const next = index === undefined ? undefined : tabs[index];
    if (index === undefined || next === undefined) return;
    pressed.preventDefault();
    onSelect(next.name);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[index]?.focus();
  };
  return (
    <div>
      <div ref={list} class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
        {tabs.map((tab) => (
          <button
            key={tab.name}
            type="button"
            role="tab"
            id={`${id}-${tab.name}`}
            aria-selected={tab.name === current}
            aria-controls={`${id}-panel`}
            tabIndex={tab.name === current ? 0 : -1}
            onClick={() => onSelect(tab.name)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      <div id={`${id}-panel`} class="tab-panel" role="tabpanel" aria-labelledby={`${id}-${current}`} tabIndex={0}>
        {children}
      </div>
    </div>
  );
}
