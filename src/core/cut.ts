/** Cuts a list where a limit of what carries it is reached: messages into sends, rows into parameters. Pure. */

export interface Room {
  readonly itemsMax: number;
  readonly bytesMax: number;
}

/** Parts that hold the items in order, each with as many as there is room for; one item that is too large by itself is a part alone. */
export function cut<T>(items: readonly T[], bytesOf: (item: T) => number, { itemsMax, bytesMax }: Room): T[][] {
  const parts: T[][] = [];
  let part: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const itemBytes = bytesOf(item);
    if (part.length > 0 && (part.length === itemsMax || bytes + itemBytes > bytesMax)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += itemBytes;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

/** The same by number alone. */
export function cutByCount<T>(items: readonly T[], itemsMax: number): T[][] {
  return cut(items, () => 0, { itemsMax, bytesMax: 0 });
}
