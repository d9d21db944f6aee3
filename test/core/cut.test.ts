// Cutting lists: nothing is lost or moved, no part is over its room unless one item is, and no part could have taken the next item.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { cut, cutByCount } from "../../src/core/cut.ts";

it("cut() keeps all items in order, in parts that are full and not over", () => {
  const room = fc.record({ itemsMax: fc.integer({ min: 1, max: 8 }), bytesMax: fc.nat(50) });
  fc.assert(
    fc.property(fc.array(fc.nat(60)), room, (items, { itemsMax, bytesMax }) => {
      const bytesOf = (part: readonly number[]): number => part.reduce((sum, size) => sum + size, 0);
      const parts = cut(items, (size) => size, { itemsMax, bytesMax });
      expect(parts.flat()).toEqual(items);
      for (const [index, part] of parts.entries()) {
        expect(part.length).toBeGreaterThan(0);
        expect(part.length).toBeLessThanOrEqual(itemsMax);
        expect(part.length === 1 || bytesOf(part) <= bytesMax).toBe(true);
        const [next] = parts[index + 1] ?? [];
        if (next !== undefined) expect(part.length === itemsMax || bytesOf(part) + next > bytesMax).toBe(true);
      }
    }),
  );
});

it("cutByCount() fills each part but the last, and makes none of nothing", () => {
  expect(cutByCount([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
  expect(cutByCount([], 2)).toEqual([]);
});
