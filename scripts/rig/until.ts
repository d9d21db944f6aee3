/** Waiting for what nobody tells of. */
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 100;

interface Options {
  readonly withinMs: number;
  /** Between two looks. */
  readonly everyMs?: number;
  readonly state?: () => Promise<string> | string;
}

/** Asks until it is so. @throws Error after `withinMs`, with what `state` says by then. */
export async function until(
  what: string,
  isSo: () => Promise<boolean> | boolean,
  { withinMs, everyMs = POLL_MS, state = () => "" }: Options,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`Not within ${withinMs / 1_000} s: ${what}. ${await state()}`);
    await delay(everyMs);
  }
}
