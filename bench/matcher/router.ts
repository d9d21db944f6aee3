import type { Section } from "./run.ts";
export const router: Section = () => {};
