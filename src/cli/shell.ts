/** What a command has: its output, and a client made of the configuration when it first needs one. */
import type { Argv } from "yargs";
import { createClient, type Client } from "../client/client.ts";
import { systemFetch, type Fetch } from "../client/runtime.ts";
import { VERSION } from "../version.ts";
import { readConfig, type Config } from "./config.ts";
import { usage, type ExitCode, type Reached } from "./failure.ts";
import { processOutput, type Output } from "./output.ts";

/** The options that every command takes. */
export interface CommonOptions {
  readonly json: boolean;
  readonly url: string | undefined;
  readonly bus: string | undefined;
  readonly config: string | undefined;
}

export interface Shell {
  readonly out: Output;
  readonly config: () => Promise<Config>;
  /** @throws Failure when it is not known where the router is, or with which key. `bus` comes before the configuration's. */
  readonly client: (bus?: string) => Promise<Client>;
  /** Where the client was made for; null before that. */
  readonly reached: () => Reached | null;
}

/** Runs what a command does; the exit code is 0 when it gives none. */
export type Run = (options: CommonOptions, work: (shell: Shell) => Promise<ExitCode | void>) => Promise<void>;

/** Adds a command, with its options and what it does. */
export type Command = (parser: Argv<CommonOptions>, run: Run) => Argv<CommonOptions>;

/** Of requests of the API: a person waits. */
const RETRIES = 2;

export function createShell(options: CommonOptions): Shell {
  const out = processOutput(options.json);
  let config: Promise<Config> | null = null;
  let reached: Reached | null = null;
  const read = () => (config ??= readConfig(options, process.env));
  return {
    out,
    config: read,
    reached: () => reached,
    client: async (bus) => {
      const { url, key, bus: configured, file, warnings } = await read();
      if (url === null)
        throw usage(`There is no URL: set FANTAIL_URL, give --url, or write ${file} with fantail login`);
      if (key === null) throw usage(`There is no key: set FANTAIL_KEY, or write ${file} with fantail login`);
      if (reached === null) for (const warning of warnings) out.note(`fantail: warning: ${warning}`);
      reached = { url: url.value.replace(/\/+$/, ""), keyFrom: key.from };
      const named = bus ?? configured?.value;
      try {
        return createClient({
          url: url.value,
          key: key.value,
          ...(named === undefined ? {} : { bus: named }),
          retries: RETRIES,
          fetch: withUserAgent,
        });
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        const found = Object.entries({
          url: url.from,
          key: key.from,
          bus: bus === undefined ? configured?.from : null,
        });
        const [, from = null] = found.find(([name]) => error.message.startsWith(name)) ?? [];
        throw usage(from === null ? error.message : `${error.message} (it is from ${from})`, error);
      }
    },
  };
}

const withUserAgent: Fetch = (url, init) => {
  const headers = new Headers(init.headers);
  headers.set("user-agent", `fantail-cli/${VERSION}`);
  return systemFetch(url, { ...init, headers });
};
