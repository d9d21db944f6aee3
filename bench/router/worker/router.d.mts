/** The router as it is built, beside which the modules of this directory are put. */
export { default, Limiter } from "../../../src/index.ts";
