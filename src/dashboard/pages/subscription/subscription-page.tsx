import { Page } from "../../shell/page.tsx";

export function SubscriptionPage() {
  return <Page title="Subscription" />;
}
