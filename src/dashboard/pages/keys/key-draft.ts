/** A key as it is typed. Its rules are the router's. */
import type { Key, KeyCreate } from "../../../client/index.ts";

export type KeyScope = KeyCreate["scopes"][number];

export interface KeyDraft {
  readonly name: string;
  readonly scopes: readonly KeyScope[];
  /** One a line; none: all. */
  readonly types: string;
  /** One a line; none: it is not for browsers. */
  readonly origins: string;
  readonly rate: Key["rate_limit"];
  /** Local, as a field of time has it; empty: never. */
  readonly expires: string;
}

export const EMPTY_KEY: KeyDraft = {
  name: "",
  scopes: ["publish"],
  types: "",
  origins: "",
  rate: "standard",
  expires: "",
};

export const keyDraftOf = (key: Key): KeyDraft => ({
  name: key.name ?? "",
  scopes: key.scopes,
  types: (key.types ?? []).join("\n"),
  origins: (key.allowed_origins ?? []).join("\n"),
  rate: key.rate_limit,
  expires: key.expires_at === null ? "" : localTime(key.expires_at),
});

/** @param saved The key that is changed; null: one is made. A time that was not touched stays as it is, to the millisecond. */
export function keyOf(draft: KeyDraft, saved: Key | null): KeyCreate {
  const isSameEnd = saved !== null && keyDraftOf(saved).expires === draft.expires;
  return {
    name: draft.name.trim() || null,
    scopes: draft.scopes,
    types: lines(draft.types),
    allowed_origins: lines(draft.origins),
    rate_limit: draft.rate,
    expires_at: isSameEnd ? saved.expires_at : draft.expires === "" ? null : new Date(draft.expires).toISOString(),
  };
}

function lines(text: string): readonly string[] | null {
  const found = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return found.length === 0 ? null : found;
}

function localTime(at: string): string {
  const time = new Date(at);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
