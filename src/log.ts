/** One structured line per unit of work: the only place that writes to the console. Workers Logs indexes the JSON's members. */
import type { Logger } from "./ports.ts";

export const consoleLogger: Logger = {
  info: (name, fields) => console.info(JSON.stringify({ level: "info", event: name, ...fields })),
  warn: (name, fields) => console.warn(JSON.stringify({ level: "warn", event: name, ...fields })),
  error: (name, fields) => console.error(JSON.stringify({ level: "error", event: name, ...fields })),
};
