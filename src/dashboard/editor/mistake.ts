/** What is wrong in a text, and where. */
export interface Mistake {
  /** One line. */
  readonly message: string;
  /** Where it begins and ends, in UTF-16 units. Absent: it is about the whole text. */
  readonly from?: number;
  readonly to?: number;
}
