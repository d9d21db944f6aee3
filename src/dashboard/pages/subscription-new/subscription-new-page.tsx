import { Page } from "../../shell/page.tsx";

export function SubscriptionNewPage() {
  return <Page title="New subscription" />;
}
