// Limiters that go by a test's clock: what the Durable Objects do, without their storage.
import { ask, done, type PaceState } from "../../src/core/pace.ts";
import type { LimiterNamespace } from "../../src/limiter.ts";
import type { Clock } from "../../src/ports.ts";

export function handLimiters(clock: Clock): LimiterNamespace & { readonly states: Map<string, PaceState> } {
  const states = new Map<string, PaceState>();
  return {
    states,
    getByName: (name) => ({
      ask: async (request) => {
        const { state, grant } = ask(states.get(name) ?? null, request, clock.now());
        states.set(name, state);
        return grant;
      },
      done: async (batch) => {
        const state = states.get(name);
        if (state !== undefined) states.set(name, done(state, batch, clock.now()));
      },
    }),
  };
}
