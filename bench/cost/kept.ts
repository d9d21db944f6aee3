/** The run of the meter that is kept: `npm run bench:cost -- --json docs/costs.json`. */
import kept from "../../docs/costs.json" with { type: "json" };
import type { Costs } from "./costs.ts";

export const KEPT_COSTS = kept as Costs;
