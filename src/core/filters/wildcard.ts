/** Wildcards of the pattern language: `*` stands for any text, also for none; `\*` and `\\` for themselves. */
import { err, ok, type Result } from "../result.ts";

/** The texts between the stars, one more than there are stars. The error says what is wrong, as words for a fault. */
export function parseWildcard(text: string): Result<readonly string[], string> {
  const parts: string[] = [];
  let part = "";
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === "\\") {
      const escaped = text.charAt(index + 1);
      if (escaped !== "*" && escaped !== "\\")
        return err(`must have \\ only before * or \\, at character ${index + 1} it has not`);
      part += escaped;
      index += 1;
    } else if (character === "*") {
      if (text.charAt(index + 1) === "*") return err(`must not have ** as at character ${index + 1}`);
      parts.push(part);
      part = "";
    } else part += character;
  }
  parts.push(part);
  return ok(parts);
}

/**
 * Whether the value has the first part at its beginning, the last at its end, and the others between them in their order. Each is looked
 * for once, from where the one before it ended: the first place is as good as any.
 */
export function fitsWildcard(parts: readonly string[], value: string): boolean {
  const last = parts.length - 1;
  const [first = ""] = parts;
  const end = value.length - (parts[last] ?? "").length;
  if (!value.startsWith(first) || !value.endsWith(parts[last] ?? "")) return false;
  let from = first.length;
  for (let index = 1; index < last; index++) {
    const part = parts[index] ?? "";
    const at = value.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return from <= end;
}
