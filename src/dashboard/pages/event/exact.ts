/** Whether a browser holds what an event says as it was sent. */

/** True: a number in it is too large for a browser to hold exactly, so that what is shown is rounded. */
export function isRounded(value: unknown): boolean {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value);
  return typeof value === "object" && value !== null && Object.values(value).some(isRounded);
}
