import { Empty } from "../../components/empty.tsx";
import { PATHS } from "../../paths.ts";
import { Page } from "../../shell/page.tsx";

/** A path that no page has. */
export function NotFoundPage() {
  return (
    <Page title="Not found">
      <Empty title="There is no page at this path">
        <a href={PATHS.overview}>To the overview</a>
      </Empty>
    </Page>
  );
}
