/** Waiting no longer than somebody is willing to. Pure: the time comes as a promise. */

/**
 * The work's answer, or its failure, if that comes before the limit.
 * @throws what `tooLate` makes when it does not; the work itself goes on, and nobody hears of its end.
 */
export function inTime<T>(work: Promise<T>, limit: Promise<void>, tooLate: () => Error): Promise<T> {
  return Promise.race([
    work,
    limit.then((): never => {
      throw tooLate();
    }),
  ]);
}
