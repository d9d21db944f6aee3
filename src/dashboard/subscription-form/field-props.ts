/** What every part of the form has: the draft, how it is changed, and what is wrong with it. */
import type { Draft } from "./draft.ts";

export interface PartProps {
  readonly draft: Draft;
  readonly onChange: (change: Partial<Draft>) => void;
  /** What is wrong with the member at a JSON Pointer, or with what is in it; null: nothing. */
  readonly faultOf: (pointer: string) => string | null;
}
