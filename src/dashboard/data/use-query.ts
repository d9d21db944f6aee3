/** The query of the page's path as its state: a link to the page shows what was looked at. */
import { useLocation } from "preact-iso";

export type Query = Readonly<Record<string, string>>;

/**
 * @returns The members as they are in the URL, and a function that sets some (an empty text removes one) in place of the present entry of
 * the history.
 */
export function useQuery(): readonly [Query, (changes: Query) => void] {
  const { path, query, route } = useLocation();
  const set = (changes: Query) => {
    const members = Object.entries({ ...query, ...changes }).filter(([, value]) => value !== "");
    const text = new URLSearchParams(members).toString();
    route(text === "" ? path : `${path}?${text}`, true);
  };
  return [query, set];
}
