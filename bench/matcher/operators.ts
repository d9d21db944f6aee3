import type { Section } from "./run.ts";
export const operators: Section = () => {};
