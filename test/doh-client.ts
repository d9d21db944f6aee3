/** The client of `doh.ts`, for tests in workerd and in Node alike. It only talks HTTP with the global `fetch`. */
import { inject } from "vitest";
import type { Question, Zone } from "./doh.ts";

export interface DohClient {
  /** What DOH_URL is set to. */
  readonly url: string;
  /** Replaces what is left of the replies. */
  readonly program: (zone: Zone) => Promise<void>;
  /** What was asked, in order. */
  readonly asked: () => Promise<readonly Question[]>;
}

/** A resolver of its own, in which no name has an address. `base` is needed only where the global setup did not run. */
export function doh(base = inject("dohUrl")): DohClient {
  const key = `k${crypto.randomUUID()}`;
  const control = `${base}/control/${key}`;
  return {
    url: `${base}/q/${key}`,
    async program(zone) {
      const { status } = await fetch(control, { method: "PUT", body: JSON.stringify(zone) });
      if (status !== 204) throw new Error(`The resolver took no program: ${status}`);
    },
    asked: async () => (await fetch(control)).json(),
  };
}
