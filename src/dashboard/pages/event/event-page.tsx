import { Page } from "../../shell/page.tsx";

export function EventPage() {
  return <Page title="Event" />;
}
