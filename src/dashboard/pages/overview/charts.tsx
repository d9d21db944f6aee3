import type { MetricsInSteps } from "../../../client/index.ts";
import { TimeChart } from "../../charts/time-chart.tsx";
import { Panel } from "../../components/panel.tsx";
import { deliveriesChart, duration, eventsChart, lanesChart, latencyChart, percent, successChart } from "./figures.ts";

/** What was counted over the range, drawn. */
export function Charts({ metrics }: { readonly metrics: MetricsInSteps }) {
  return (
    <div class="charts">
      <Panel title="Events per minute">
        <TimeChart label="Events per minute" {...eventsChart(metrics)} />
      </Panel>
      <Panel title="Deliveries per minute">
        <TimeChart label="Deliveries per minute, by how they ended" {...deliveriesChart(metrics)} />
      </Panel>
      <Panel title="Attempts that succeed">
        <TimeChart label="Attempts that succeed" {...successChart(metrics)} format={percent} />
      </Panel>
      <Panel title="From acceptance to delivered">
        <TimeChart label="From acceptance to delivered" {...latencyChart(metrics, "delivery_ms")} format={duration} />
      </Panel>
      <Panel title="What sinks take">
        <TimeChart label="What sinks take" {...latencyChart(metrics, "attempt_ms")} format={duration} />
      </Panel>
      <Panel title="Attempts per minute, by lane">
        <TimeChart label="Attempts per minute, by lane" {...lanesChart(metrics)} />
      </Panel>
    </div>
  );
}
