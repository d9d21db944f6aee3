/** A question before something that cannot be undone. */
import { createInterface } from "node:readline/promises";
import { usage } from "./failure.ts";

/**
 * Whether the person says yes; `--yes` says it beforehand.
 * @throws Failure when there is nobody to ask.
 */
export async function confirmed(question: string, isYes: boolean): Promise<boolean> {
  if (isYes) return true;
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw usage(`${question} There is no terminal to ask on: give --yes`);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const isYesNow = /^y(es)?$/i.test((await asking.question(`${question} [y/N] `)).trim());
    if (!isYesNow) process.stderr.write("Nothing is changed\n");
    return isYesNow;
  } finally {
    asking.close();
  }
}
