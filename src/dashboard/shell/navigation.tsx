import { useLocation } from "preact-iso";
import { PATHS } from "../paths.ts";
import { useSession, type SignedIn } from "../session/session.tsx";

interface Destination {
  readonly href: string;
  readonly label: string;
  /** Of a 16 by 16 icon in lines. */
  readonly icon: string;
  /** Whether the key has anything there. Absent: it reads or manages. */
  readonly isFor?: (who: SignedIn) => boolean;
}

const DESTINATIONS: readonly Destination[] = [
  { href: PATHS.overview, label: "Overview", icon: "M2 13.500h12M4 11V8m4 3V3m4 8V6", isFor: () => true },
  {
    href: PATHS.events,
    label: "Events",
    icon: "M9 1.500 3.500 9H8l-1 5.500L12.500 7H8z",
    isFor: ({ may }) => may("read") || may("publish"),
  },
  { href: PATHS.subscriptions, label: "Subscriptions", icon: "M8 14V9m0 0L3.500 3m4.500 6 4.500-6M8 9V2.500" },
  { href: PATHS.deliveries, label: "Deliveries", icon: "m14 2-6.500 12-1.500-6-5-2.500zM14 2 6 8" },
  {
    href: PATHS.keys,
    label: "Keys",
    icon: "M10.500 9.500a4 4 0 1 0-4-4c0 .500.100 1 .300 1.400L2 11.700V14h2.300v-1.800h1.800v-1.800l1-1",
    isFor: ({ may }) => may("manage"),
  },
  { href: PATHS.buses, label: "Buses", icon: "M2 4h12M2 8h12M2 12h12", isFor: ({ session }) => session.is_root },
  {
    href: PATHS.audit,
    label: "Audit",
    icon: "M3 2h10v12H3zM5.500 5.500h5m-5 3h5m-5 3h3",
    isFor: ({ may }) => may("manage"),
  },
];

/** The pages that the key has something on. */
export function Navigation({ onGone }: { readonly onGone: () => void }) {
  const who = useSession();
  const { path } = useLocation();
  const shown = DESTINATIONS.filter(({ isFor = readsOrManages }) => isFor(who));
  return (
    <ul class="nav">
      {shown.map(({ href, label, icon }) => (
        <li key={href}>
          <a href={href} aria-current={isAt(path, href) ? "page" : undefined} onClick={onGone}>
            <svg viewBox="0 0 16 16" class="icon" aria-hidden="true">
              <path d={icon} />
            </svg>
            {label}
          </a>
        </li>
      ))}
    </ul>
  );
}

const readsOrManages = ({ may }: SignedIn): boolean => may("read") || may("manage");

const isAt = (path: string, href: string): boolean => path === href || (href !== "/" && path.startsWith(`${href}/`));
