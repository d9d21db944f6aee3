/** Pictures of the pages for `docs/screenshots/`: written when SCREENSHOTS is 1, and else not. */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";

const FOLDER = join(import.meta.dirname, "../../docs/screenshots");
/** A picture is looked at over the network. */
const BYTES_MAX = 200_000;

/** Whether pictures are wanted. */
export const IS_PICTURED = process.env["SCREENSHOTS"] === "1";

/** How each picture is taken, by the end of its name. */
export const LOOKS = {
  light: { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
  "360": { viewport: { width: 360, height: 800 }, colorScheme: "light" },
} as const satisfies Readonly<Record<string, BrowserContextOptions>>;

export type Look = keyof typeof LOOKS;

export const LOOK_NAMES: readonly Look[] = ["light", "dark", "360"];

/** Writes `<name>-<look>.png` of what is seen of the page, opened with the options of that look. Nothing without SCREENSHOTS. */
export async function screenshot(page: Page, name: string, look: Look): Promise<void> {
  if (!IS_PICTURED) return;
  await mkdir(FOLDER, { recursive: true });
  const path = join(FOLDER, `${name}-${look}.png`);
  await page.screenshot({ path, animations: "disabled", caret: "hide" });
  const { size } = await stat(path);
  if (size > BYTES_MAX) throw new Error(`${path} has ${size} bytes, over ${BYTES_MAX}`);
}
