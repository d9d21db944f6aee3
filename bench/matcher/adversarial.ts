import type { Section } from "./run.ts";
export const adversarial: Section = () => {};
