/**
 * The secrets of local use, in `.dev.vars`: made once, never overwritten.
 */
import { readFile, writeFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import { randomSecret } from "./router.ts";

/** What `.dev.vars` says: the current root key, and whether the file was made just now. */
export interface DevVars {
  readonly rootKey: string;
  readonly made: boolean;
}

/**
 * Reads the file, after making it (readable by its owner only) when it is missing. Throws when it has no `ROOT_KEY`. Of a
 * comma-separated list of root keys the first is current.
 */
export async function devVars(path: string): Promise<DevVars> {
  const made = await makeMissing(path);
  const values = parseEnv(await readFile(path, "utf8"));
  const [rootKey] = (values["ROOT_KEY"] ?? "").split(",");
  if (!rootKey)
    throw new Error(`${path} has no ROOT_KEY: add one, or remove the file and one with new secrets is made`);
  return { rootKey: rootKey.trim(), made };
}

async function makeMissing(path: string): Promise<boolean> {
  const text = [
    "# Secrets of this checkout's local router. Explained in .dev.vars.example.",
    `ROOT_KEY="${randomSecret()}"`,
    `ENCRYPTION_KEY="${randomSecret()}"`,
    `ALLOW_INSECURE_SINKS="true"`,
    "",
  ].join("\n");
  try {
    await writeFile(path, text, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
