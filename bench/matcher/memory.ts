import type { Section } from "./run.ts";
export const memory: Section = () => {};
