import { Page } from "../../shell/page.tsx";

export function SubscriptionsPage() {
  return <Page title="Subscriptions" />;
}
