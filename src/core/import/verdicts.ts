/** What the reader of Fantail's patterns says of one value or one name, so that its rules are not written a second time here. */
import { readLeaf } from "../filters/read-values.ts";
import { readPattern } from "../filters/read-pattern.ts";
import { createReading, type Reading } from "../filters/reading.ts";

/** What is wrong with a value in the list of a field, in words that follow its name; null when nothing is. */
export const valueFault = (value: unknown): string | null =>
  firstWords((reading) => readLeaf([value], { pointer: "" }, reading));

/** The same of the name of a field in a branch of `$or`, where those of operators are kept free. */
export const branchNameFault = (name: string): string | null =>
  firstWords((reading) => {
    const pattern = { $or: [Object.fromEntries([[name, VALUES]]), { a: VALUES }] };
    readPattern(pattern, { place: { pointer: "" }, keyFault: () => null }, reading);
  });

const VALUES = [null];

function firstWords(read: (reading: Reading) => unknown): string | null {
  const said: string[] = [];
  const tell = (words: string): null => {
    said.push(words);
    return null;
  };
  read({
    ...createReading(),
    fault: (_, words) => tell(words),
    unknown: (_place, _name, words) => tell(words),
  });
  return said[0] ?? null;
}
