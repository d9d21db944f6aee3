import type { ComponentChildren } from "preact";

interface FactsProps {
  /** Names and values, in the order to be read. */
  readonly facts: readonly (readonly [name: string, value: ComponentChildren])[];
}

/** What is known of one thing: its names and values. */
export function Facts({ facts }: FactsProps) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
