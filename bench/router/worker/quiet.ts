/** The router without its lines: locally each of them goes through the simulator's parser, on the processors that are measured. */
export { default, Limiter } from "./router.mjs";

console.info = () => {};
