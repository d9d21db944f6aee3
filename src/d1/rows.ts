/** Reads a statement's rows. The cast is unchecked: each Row interface stands beside its SQL, and tests read every column back. */
export function rowsOf<Row>(result: D1Result | undefined): Row[] {
  if (result === undefined) throw new Error("A batch answered fewer results than it has statements");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- D1's own types make the same claim in first<Row>()
  return result.results as Row[];
}
