/** The only reader of variables and secrets. It fails with the variable's name, never with its value. */
import { decodeBase64 } from "./core/base64.ts";
import {
  DATABASE_MB_DEFAULT,
  DATABASE_MB_MAX,
  DATABASE_MB_MIN,
  ENCRYPTION_KEY_BYTES,
  RETENTION_DAYS_DEFAULT,
  RETENTION_DAYS_MAX,
  RETENTION_DAYS_MIN,
  ROOT_KEY_CHARS_MIN,
} from "./core/limits.ts";

/** What deployment decides. The comments in wrangler.toml say the same for whoever sets them. */
export interface Config {
  /** The first is current; all are accepted. */
  readonly rootKeys: readonly string[];
  /** 32 bytes each. The first writes; all read. */
  readonly encryptionKeys: readonly Uint8Array<ArrayBuffer>[];
  readonly publicHost: string | null;
  /** Base of links into this router, without a trailing slash; "" (links are then relative) without PUBLIC_HOST. */
  readonly publicUrl: string;
  readonly retentionDays: number;
  /** How large the database may get. */
  readonly databaseBytes: number;
  readonly allowInsecureSinks: boolean;
  /** The resolver that is asked for the addresses of sinks, null without one. */
  readonly dohUrl: string | null;
}

/** Variables as they come. */
export type Variables = Readonly<
  Partial<
    Record<
      | "ROOT_KEY"
      | "ENCRYPTION_KEY"
      | "PUBLIC_HOST"
      | "RETENTION_DAYS"
      | "DATABASE_MB"
      | "ALLOW_INSECURE_SINKS"
      | "DOH_URL",
      string
    >
  >
>;

export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const listOf = (text: string | undefined): string[] =>
  (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

function rootKeys(text: string | undefined): string[] {
  const keys = listOf(text);
  if (keys.length === 0) throw new ConfigError("ROOT_KEY is not set");
  if (keys.some((key) => key.length < ROOT_KEY_CHARS_MIN)) {
    throw new ConfigError(`ROOT_KEY has a key of fewer than ${ROOT_KEY_CHARS_MIN} characters`);
  }
  // RFC 6750 §2.1: a bearer token has no spaces; a key with one could never be presented.
  if (!keys.every((key) => /^[!-~]+$/.test(key))) {
    throw new ConfigError("ROOT_KEY has a key with characters that are not visible ASCII");
  }
  return keys;
}

function encryptionKeys(text: string | undefined): Uint8Array<ArrayBuffer>[] {
  const keys = listOf(text);
  if (keys.length === 0) throw new ConfigError("ENCRYPTION_KEY is not set");
  return keys.map((key) => {
    const bytes = decodeBase64(key);
    if (bytes?.byteLength !== ENCRYPTION_KEY_BYTES) {
      throw new ConfigError(`ENCRYPTION_KEY has a key that is not ${ENCRYPTION_KEY_BYTES} bytes in base64`);
    }
    return bytes;
  });
}

function wholeNumber(
  name: string,
  text: string | undefined,
  range: { min: number; max: number; otherwise: number },
): number {
  if (text === undefined || text === "") return range.otherwise;
  const value = Number(text);
  if (!Number.isInteger(value) || value < range.min || value > range.max) {
    throw new ConfigError(`${name} is not a whole number from ${range.min} to ${range.max}`);
  }
  return value;
}

function flag(name: string, text: string | undefined): boolean {
  if (text === undefined || text === "" || text === "false") return false;
  if (text === "true") return true;
  throw new ConfigError(`${name} is neither "true" nor "false"`);
}

function hostName(name: string, text: string | undefined): string | null {
  if (text === undefined || text === "") return null;
  if (!URL.canParse(`https://${text}/`) || new URL(`https://${text}/`).host !== text.toLowerCase()) {
    throw new ConfigError(`${name} is not a host name without scheme and path`);
  }
  return text.toLowerCase();
}

const LOOPBACK_HOST = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

function urlOf(host: string | null): string {
  if (host === null) return "";
  return LOOPBACK_HOST.test(host) ? `http://${host}` : `https://${host}`;
}

/** Over plain HTTP only on this machine: who can change the answer on its way decides what is called. */
function resolverUrl(name: string, text: string | undefined): string | null {
  if (text === undefined || text === "") return null;
  const url = URL.parse(text);
  const isPrivate = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK_HOST.test(url.host));
  if (url === null || !isPrivate || url.username !== "" || url.password !== "" || url.href.includes("#")) {
    throw new ConfigError(`${name} is not an https URL without credentials and fragment`);
  }
  return url.href;
}

/** @throws ConfigError */
export function readConfig(variables: Variables): Config {
  const publicHost = hostName("PUBLIC_HOST", variables.PUBLIC_HOST);
  return {
    rootKeys: rootKeys(variables.ROOT_KEY),
    encryptionKeys: encryptionKeys(variables.ENCRYPTION_KEY),
    publicHost,
    publicUrl: urlOf(publicHost),
    retentionDays: wholeNumber("RETENTION_DAYS", variables.RETENTION_DAYS, {
      min: RETENTION_DAYS_MIN,
      max: RETENTION_DAYS_MAX,
      otherwise: RETENTION_DAYS_DEFAULT,
    }),
    databaseBytes:
      1_000_000 *
      wholeNumber("DATABASE_MB", variables.DATABASE_MB, {
        min: DATABASE_MB_MIN,
        max: DATABASE_MB_MAX,
        otherwise: DATABASE_MB_DEFAULT,
      }),
    allowInsecureSinks: flag("ALLOW_INSECURE_SINKS", variables.ALLOW_INSECURE_SINKS),
    dohUrl: resolverUrl("DOH_URL", variables.DOH_URL),
  };
}
