/** Keys and signing secrets that a router shows once, kept for whoever ran `apply`: on stdout, or in a file for its owner only. */
import { open, type FileHandle } from "node:fs/promises";
import { usage } from "../failure.ts";
import type { Output } from "../output.ts";

export interface MadeSecret {
  readonly bus: string;
  readonly kind: "subscription" | "key";
  readonly name: string;
  readonly id: string;
  readonly secret: string;
}

export interface SecretsSink {
  /** All so far. */
  readonly made: readonly MadeSecret[];
  /** Keeps one before anything else is made: what follows may fail. */
  keep(secret: MadeSecret): Promise<void>;
  close(): Promise<void>;
}

/**
 * With a file, that is made anew (mode 0600) and holds them as JSON; without, each is a line on stdout, or part of the answer with `--json`.
 * @throws Failure when the file is there already, or cannot be made: before anything is changed.
 */
export async function secretsSink(file: string | undefined, out: Output): Promise<SecretsSink> {
  const made: MadeSecret[] = [];
  const handle = file === undefined ? null : await create(file);
  return {
    made,
    keep: async (secret) => {
      made.push(secret);
      if (handle !== null) await rewrite(handle, made);
      else out.line(`    ${secret.kind === "key" ? "key" : "secret"}: ${secret.secret}`);
    },
    close: async () => handle?.close(),
  };
}

async function create(file: string): Promise<FileHandle> {
  try {
    return await open(file, "wx", 0o600);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw usage(
      code === "EEXIST" ? `${file} is there already: secrets go into a new file` : `${file} cannot be made: ${code}`,
      error,
    );
  }
}

/** It only grows, so what was there is written over and never missing. */
async function rewrite(handle: FileHandle, made: readonly MadeSecret[]): Promise<void> {
  await handle.write(`${JSON.stringify(made, null, 2)}\n`, 0);
  await handle.sync();
}
