/**
 * The paths of the dashboard's pages: the routes of `app.tsx`, and what the platform answers with `index.html` (`scripts/assets.ts` puts
 * them into `_redirects`). `:id` is one segment. A path that is not here goes to the Worker, which knows no pages.
 */
export const PATHS = {
  overview: "/",
  events: "/events",
  event: "/events/:id",
  subscriptions: "/subscriptions",
  newSubscription: "/subscriptions/new",
  subscription: "/subscriptions/:id",
  deliveries: "/deliveries",
  delivery: "/deliveries/:id",
  keys: "/keys",
  buses: "/buses",
  audit: "/audit",
  signIn: "/sign-in",
} as const;

/** The page of one event, subscription or delivery. */
export const pathOf = (kind: "event" | "subscription" | "delivery", id: string): string =>
  PATHS[kind].replace(":id", encodeURIComponent(id));
