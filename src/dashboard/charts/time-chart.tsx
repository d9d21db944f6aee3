import { useEffect, useRef, useState } from "preact/hooks";
import { lineOf } from "../data/problem-line.ts";
import type { Drawn } from "./draw.ts";
import type { ChartData } from "./series.ts";

interface TimeChartProps extends ChartData {
  /** What it shows: `Events per minute`. */
  readonly label: string;
  /** Its message in a sentence, for who does not see it. Absent: the last value of each series. */
  readonly summary?: string;
  /** How a value is written. Default: with up to two decimals. */
  readonly format?: (value: number) => string;
  /** In pixels. Default: 180. */
  readonly height?: number;
}

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 2, notation: "compact" });
const plain = (value: number): string => NUMBER.format(value);
const TIME = new Intl.DateTimeFormat("en-GB", { dateStyle: "short", timeStyle: "medium" });

/** Values over time, drawn, and the same as a table for who does not see the drawing. */
export function TimeChart({ label, summary, times, series, format = plain, height = 180 }: TimeChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<Drawn | null>(null);
  const latest = useRef({ times, series, format });
  latest.current = { times, series, format };
  const [point, setPoint] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);

  useEffect(() => {
    let isGone = false;
    import("./draw.ts").then(({ draw }) => {
      if (isGone || place.current === null) return;
      drawn.current = draw(place.current, latest.current, {
        height,
        format: (value) => latest.current.format(value),
        onPoint: setPoint,
      });
    }, setError);
    return () => {
      isGone = true;
      drawn.current?.remove();
      drawn.current = null;
    };
  }, [height]);
  useEffect(() => drawn.current?.update(latest.current), [times, series]);

  const shown = point ?? times.length - 1;
  const written = (value: number | null | undefined): string =>
    value === null || value === undefined ? "–" : format(value);
  const said = summary ?? series.map((one) => `${one.label} ${written(one.values.at(-1))}`).join(", ");
  return (
    <figure class="chart" aria-label={`${label}: ${said}`}>
      <ul class="chart-legend" aria-hidden="true">
        {series.map((one) => (
          <li key={one.label}>
            <span class={`swatch ${one.tone}`} />
            {one.label} <strong>{written(one.values[shown])}</strong>
          </li>
        ))}
        {point === null ? null : <li>{TIME.format((times[point] ?? 0) * 1000)}</li>}
      </ul>
      {error === null ? null : <p class="fault">{lineOf(error)}</p>}
      <div ref={place} class="chart-place" aria-hidden="true" />
      <div class="hidden">
        <table>
          <caption>{label}</caption>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {series.map((one) => (
                <th key={one.label} scope="col">
                  {one.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {times.map((time, index) => (
              <tr key={time}>
                <th scope="row">{TIME.format(time * 1000)}</th>
                {series.map((one) => (
                  <td key={one.label}>{written(one.values[index])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}
