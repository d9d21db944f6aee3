/** Who one is: what a key allows, and signing in with it, for pages of the router's own host. */
import type { Session, SessionCreate } from "./api.ts";
import type { Calls } from "./calls.ts";
import type { CallOptions } from "./options.ts";

/**
 * What the client may do.
 *
 * @example
 * const { bus, scopes } = await client.session.get();
 */
export interface Sessions {
  /** What the key allows, or the session of the page. */
  get(options?: CallOptions): Promise<Session>;
  /** Begins a session of this page with a key; from then on a client without a key acts with it. */
  signIn(given: SessionCreate, options?: CallOptions): Promise<Session>;
  /** Ends the session of this page. The key stays valid. */
  signOut(options?: CallOptions): Promise<void>;
}

export const createSession = (calls: Calls): Sessions => ({
  get: (options = {}) => calls.get("/v1/session", options),
  signIn: (given, options = {}) => calls.ask("/v1/session", given, options),
  signOut: (options = {}) => calls.delete("/v1/session", options),
});
