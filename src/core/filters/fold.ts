/** Text without its case. */

const ASCII = /^[\0-\x7f]*$/;

/**
 * The text so that texts which differ in case only are the same: each code point by itself in lower case (Unicode §3.13). Not by
 * `toLowerCase` of the whole, which makes of a sigma one of two letters by where it stands. What has no lower case of its own stays:
 * the German sharp s is not "ss".
 */
export function folded(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  let result = "";
  for (const character of text) result += character.toLowerCase();
  return result;
}
