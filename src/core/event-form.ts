/** An event as filters see it. */
import type { CloudEvent } from "./event.ts";
import type { Members } from "./json-value.ts";

/**
 * The event in its JSON form (CloudEvents JSON format 1.0.2 §3): attributes at the top, `data` as a JSON value or a text, other bytes as
 * `data_base64`. Numbers in data are doubles here, whatever their text.
 */
export function eventForm({ attributes, data }: CloudEvent): Members {
  switch (data.kind) {
    case "none":
      return attributes;
    case "json":
      return { ...attributes, data: "value" in data ? data.value : JSON.parse(data.text) };
    case "text":
      return { ...attributes, data: data.text };
    case "binary":
      return { ...attributes, data_base64: data.base64 };
  }
}
