/**
 * The browser of the tests of pages: Debian's Chromium, or the one that `CHROMIUM` names. Without one those tests are skipped, and the run
 * says so; in CI they fail.
 */
import { accessSync, constants } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const PATH = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const MISSING = `There is no Chromium at ${PATH}: install it (apt-get install chromium), or name another in CHROMIUM`;

/** True: the tests that need a browser are to run. */
export const HAS_BROWSER = isExecutable(PATH) || process.env["CI"] === "true";

/** Vitest calls this before the tests of the project, where what it writes is seen. */
export function setup(): void {
  if (!HAS_BROWSER) process.stderr.write(`\nNO BROWSER, SO PAGES ARE NOT TESTED. ${MISSING}\n\n`);
}

/** Throws when there is none, saying what to do. */
export async function launchChromium(): Promise<Browser> {
  if (!isExecutable(PATH)) throw new Error(MISSING);
  // Chromium's sandbox does not work for root.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: PATH, args });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
