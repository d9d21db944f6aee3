/** Where the router is and with which key: flags, the environment, and one file. It reads; it sends nothing. */
import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { isMembers, parsedJson } from "../core/json-value.ts";
import { usage } from "./failure.ts";

/** What a configuration file may hold. */
export interface ConfigFile {
  readonly url?: string;
  readonly key?: string;
  readonly bus?: string;
}

/** One setting, and where it was found. */
export interface Found {
  readonly value: string;
  readonly from: string;
}

export interface Config {
  readonly url: Found | null;
  readonly key: Found | null;
  readonly bus: Found | null;
  /** The file that was looked for, whether it is there or not. */
  readonly file: string;
  /** What a person should know of it. */
  readonly warnings: readonly string[];
}

/** What the flags say. */
export interface ConfigFlags {
  readonly url: string | undefined;
  readonly bus: string | undefined;
  /** The file to read, which then must be there. */
  readonly config: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const NAMES = ["url", "key", "bus"] as const;
const OTHERS_MAY_READ = 0o077;

/** `$XDG_CONFIG_HOME/fantail/config.json`, or the same under `~/.config`. */
const configPath = (env: Environment): string =>
  join(env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "fantail", "config.json");

/**
 * The settings: a flag before the environment (`FANTAIL_URL`, `FANTAIL_KEY`, `FANTAIL_BUS`) before the file.
 * @throws Failure on a file that cannot be read, and on a key of the file that would go to another server than the file's.
 */
export async function readConfig(flags: ConfigFlags, env: Environment): Promise<Config> {
  const file = flags.config ?? env["FANTAIL_CONFIG"] ?? configPath(env);
  const isAsked = (flags.config ?? env["FANTAIL_CONFIG"]) !== undefined;
  const stored = await readConfigFile(file, isAsked);
  const url = first([flags.url, "--url"], [env["FANTAIL_URL"], "FANTAIL_URL"], [stored?.url, file]);
  const key = first([env["FANTAIL_KEY"], "FANTAIL_KEY"], [stored?.key, file]);
  const bus = first([flags.bus, "--bus"], [env["FANTAIL_BUS"], "FANTAIL_BUS"], [stored?.bus, file]);
  if (key?.from === file && url !== null && url.from !== file && originOf(url.value) !== originOf(stored?.url))
    throw usage(
      `The key of ${file} is for ${stored?.url ?? "no url"}, not for ${url.value} of ${url.from}: set FANTAIL_KEY for that`,
    );
  const isOpen = key?.from === file && (await isReadByOthers(file));
  return {
    url,
    key,
    bus,
    file,
    warnings: isOpen ? [`${file} holds a key and others can read it: chmod 600 ${file}`] : [],
  };
}

function first(...places: readonly (readonly [value: string | undefined, from: string])[]): Found | null {
  for (const [value, from] of places) if (value !== undefined && value !== "") return { value, from };
  return null;
}

/** Of what is no URL, itself: it is refused where it is used. */
function originOf(url: string | undefined): string | null {
  if (url === undefined) return null;
  return URL.canParse(url) ? new URL(url).origin : url;
}

/** @returns null when there is none, and nobody asked for it by name. */
async function readConfigFile(file: string, isAsked: boolean): Promise<ConfigFile | null> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    if ((code === "ENOENT" || code === "ENOTDIR") && !isAsked) return null;
    throw usage(`${file} cannot be read: ${String(code)}`, error);
  }
  const members = parsedJson(text);
  if (!isMembers(members)) throw usage(`${file} must be a JSON object of ${NAMES.join(", ")}`);
  const unknown = Object.keys(members).find((name) => !NAMES.some((known) => known === name));
  if (unknown !== undefined)
    throw usage(`${file}: ${unknown.slice(0, 100)} is not known, there are ${NAMES.join(", ")}`);
  const entries = NAMES.flatMap((name) => {
    const value = members[name];
    if (value === undefined) return [];
    if (typeof value !== "string" || value === "") throw usage(`${file}: ${name} must be a string that is not empty`);
    return [[name, value] as const];
  });
  return Object.fromEntries(entries);
}

/** On systems that know no such thing, nobody else may. */
async function isReadByOthers(file: string): Promise<boolean> {
  const { mode } = await stat(file);
  return process.platform !== "win32" && (mode & OTHERS_MAY_READ) !== 0;
}
