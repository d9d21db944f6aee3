import { Page } from "../../shell/page.tsx";

export function BusesPage() {
  return <Page title="Buses" />;
}
