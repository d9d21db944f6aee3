/** SHA-256 as text, and comparing what is secret. Pure. */

/** SHA-256 in lower-case hex, 64 characters. A string is hashed as UTF-8. */
export async function sha256Hex(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Equality of texts of a known length, in a time that does not tell where they differ. */
export function equalInConstantTime(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  return difference === 0;
}

/** Whether what was given is the secret, by as many steps as what was given has: they tell neither where the two differ nor how long the secret is. */
export function isSecret(secret: string, given: string): boolean {
  if (secret === "") throw new Error("A secret is not empty");
  let difference = secret.length ^ given.length;
  for (let index = 0; index < given.length; index++)
    difference |= secret.charCodeAt(index % secret.length) ^ given.charCodeAt(index);
  return difference === 0;
}
