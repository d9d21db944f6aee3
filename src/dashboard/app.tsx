/** The pages by their paths. Each is loaded when it is first gone to, with whatever it needs; only the sign-in needs no session. */
import type { FunctionComponent } from "preact";
import { ErrorBoundary, lazy, LocationProvider, Route, Router, useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import { ErrorLine } from "./components/error-line.tsx";
import { ToastProvider } from "./components/toast.tsx";
import { NotFoundPage } from "./pages/not-found/not-found-page.tsx";
import { SignInPage } from "./pages/sign-in/sign-in-page.tsx";
import { PATHS } from "./paths.ts";
import { SessionGate } from "./session/session-gate.tsx";
import { SessionProvider } from "./session/session.tsx";
import { Layout } from "./shell/layout.tsx";

/** Links that the router leaves to the browser: `/docs` is a page of its own. */
const OWN_LINKS = /^\/(?!docs(?:$|[/?#]))/;

const Overview = page(() => import("./pages/overview/overview-page.tsx").then((m) => m.OverviewPage));
const Events = page(() => import("./pages/events/events-page.tsx").then((m) => m.EventsPage));
const Event = page(() => import("./pages/event/event-page.tsx").then((m) => m.EventPage));
const Subscriptions = page(() =>
  import("./pages/subscriptions/subscriptions-page.tsx").then((m) => m.SubscriptionsPage),
);
const NewSubscription = page(() =>
  import("./pages/subscription-new/subscription-new-page.tsx").then((m) => m.SubscriptionNewPage),
);
const Subscription = page(() => import("./pages/subscription/subscription-page.tsx").then((m) => m.SubscriptionPage));
const Deliveries = page(() => import("./pages/deliveries/deliveries-page.tsx").then((m) => m.DeliveriesPage));
const Delivery = page(() => import("./pages/delivery/delivery-page.tsx").then((m) => m.DeliveryPage));
const Keys = page(() => import("./pages/keys/keys-page.tsx").then((m) => m.KeysPage));
const Buses = page(() => import("./pages/buses/buses-page.tsx").then((m) => m.BusesPage));
const Audit = page(() => import("./pages/audit/audit-page.tsx").then((m) => m.AuditPage));

/** A page that is loaded when it is gone to. It cannot be when a newer version was deployed meanwhile: then it says so. */
function page(load: () => Promise<FunctionComponent>): FunctionComponent {
  return lazy(() => load().catch((error: unknown) => () => <Unshown error={error} />));
}

function Unshown({ error }: { readonly error: unknown }) {
  return (
    <div class="page">
      <ErrorLine error={error} what="This page cannot be shown" onRetry={() => location.reload()} />
    </div>
  );
}

/** The whole dashboard. */
export function App() {
  return (
    <LocationProvider scope={OWN_LINKS}>
      <ToastProvider>
        <SessionProvider>
          <SessionGate signIn={<SignInPage />}>
            <Layout>
              <Pages />
            </Layout>
          </SessionGate>
        </SessionProvider>
      </ToastProvider>
    </LocationProvider>
  );
}

/** What a page fails at is told in its place; the others are not in it. */
function Pages() {
  const { path } = useLocation();
  const [error, setError] = useState<unknown>(null);
  useEffect(() => setError(null), [path]);
  if (error !== null) return <Unshown error={error} />;
  return (
    <ErrorBoundary onError={setError}>
      <Router>
        <Route path={PATHS.overview} component={Overview} />
        <Route path={PATHS.events} component={Events} />
        <Route path={PATHS.event} component={Event} />
        <Route path={PATHS.subscriptions} component={Subscriptions} />
        <Route path={PATHS.newSubscription} component={NewSubscription} />
        <Route path={PATHS.subscription} component={Subscription} />
        <Route path={PATHS.deliveries} component={Deliveries} />
        <Route path={PATHS.delivery} component={Delivery} />
        <Route path={PATHS.keys} component={Keys} />
        <Route path={PATHS.buses} component={Buses} />
        <Route path={PATHS.audit} component={Audit} />
        <Route default component={NotFoundPage} />
      </Router>
    </ErrorBoundary>
  );
}
