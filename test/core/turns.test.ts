// Whose push is next: nobody is skipped, nobody has more than its share, and a crowd does not keep others waiting.
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { PUSHES_PER_SUBSCRIPTION_MAX } from "../../src/core/limits.ts";
import type { SinkKey } from "../../src/core/sink-key.ts";
import { createTurns } from "../../src/core/turns.ts";

interface One {
  readonly of: string;
  readonly number: number;
}
const ownerOf = (one: One): SinkKey => {
  const [bus = "", subscriptionId = ""] = one.of.split("/");
  return { bus, subscriptionId };
};

it("next() gives everything once, at most the share of each subscription at a time", () => {
  const crowd = fc.array(fc.constantFrom("x/a", "x/b", "x/c", "y/a"), { maxLength: 40 });
  fc.assert(
    fc.property(crowd, fc.array(fc.nat(), { minLength: 200, maxLength: 200 }), (names, dice) => {
      const all = names.map((of, number): One => ({ of, number }));
      const turns = createTurns(all, ownerOf);
      const open: One[] = [];
      const given: One[] = [];
      for (const die of dice) {
        const one = die % 2 === 0 ? turns.next() : null;
        if (one !== null) {
          given.push(one);
          open.push(one);
          expect(open.filter(({ of }) => of === one.of).length).toBeLessThanOrEqual(PUSHES_PER_SUBSCRIPTION_MAX);
        } else if (open.length > 0) {
          turns.ended(open.splice(die % open.length, 1)[0] as One);
        }
      }
      const rest = turns.withdraw();
      expect([...given, ...rest].map(({ number }) => number).toSorted((x, y) => x - y)).toEqual(
        all.map(({ number }) => number),
      );
      expect(turns.next()).toBeNull();
    }),
  );
});

it("next() serves a single delivery before the second round of a crowd", () => {
  const crowd = Array.from({ length: 100 }, (_, number): One => ({ of: "crowd", number }));
  const turns = createTurns([...crowd, { of: "single", number: 100 }], ownerOf);
  expect(turns.next()?.of).toBe("crowd");
  expect(turns.next()?.of).toBe("single");
});

it("withdraw() takes out one subscription's rest and leaves the others", () => {
  const all = ["a", "a", "a", "a", "b"].map((of, number): One => ({ of, number }));
  const turns = createTurns(all, ownerOf);
  const first = turns.next() as One;
  expect(turns.withdraw(first).map(({ number }) => number)).toEqual([1, 2, 3]);
  expect(turns.withdraw(first)).toEqual([]);
  expect(turns.next()?.of).toBe("b");
  expect(turns.next()).toBeNull();
});

it("next() gives buses equal turns, however many subscriptions each has", () => {
  const flood = Array.from({ length: 100 }, (_, number): One => ({ of: `flood/${number}`, number }));
  const small = Array.from({ length: 10 }, (_, index): One => ({ of: `small/${index}`, number: 100 + index }));
  const turns = createTurns([...flood, ...small], ownerOf);
  const given = Array.from({ length: 20 }, () => turns.next()?.of.split("/")[0]);
  expect(given.filter((bus) => bus === "small")).toHaveLength(10);
});
