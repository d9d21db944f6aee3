/** Tells the platform's weather from our own defects. The only place that reads D1's error texts; it never repeats anything. */
import { Unavailable } from "../ports.ts";

/**
 * SQLite result codes and D1 prefixes that name a fault of the statement or its values: the same call fails again.
 * Everything else that D1 throws (overloaded, reset, connection lost, "internal error") passes by itself.
 */
const DEFECT = /SQLITE_(?:ERROR|CONSTRAINT|MISMATCH|TOOBIG|RANGE|MISUSE|AUTH)|D1_TYPE_ERROR|D1_COLUMN_NOTFOUND/;

/** Errors that the language throws by itself: a call on undefined, a bad JSON text. */
const isLanguageError = (error: unknown): boolean =>
  error instanceof TypeError ||
  error instanceof RangeError ||
  error instanceof SyntaxError ||
  error instanceof ReferenceError;

/**
 * Runs calls of D1. Nothing but D1 calls belongs in `work`: whatever fails in it and is no known defect counts as weather.
 * D1 repeats reads by itself and writes never, so nothing is repeated here.
 * @throws Unavailable with the platform's error as `cause`; a defect passes as it is.
 */
export async function weather<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Unavailable || isLanguageError(error)) throw error;
    if (error instanceof Error && DEFECT.test(error.message)) throw error;
    throw new Unavailable("The database does not answer", { cause: error });
  }
}
