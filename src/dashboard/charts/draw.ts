/** The one place that knows uPlot. It is loaded with the first chart that is shown. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { ChartData, ChartSeries } from "./series.ts";

export interface Drawn {
  readonly update: (data: ChartData) => void;
  readonly remove: () => void;
}

interface DrawOptions {
  readonly height: number;
  /** How a value is written at the axis. */
  readonly format: (value: number) => string;
  /** Told of the point under the pointer; null: none is. */
  readonly onPoint: (index: number | null) => void;
}

const AXIS_PX = 52;
const TIMES_PX = 28;
const DAY_S = 86_400;
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Draws into `place`, in the colours of the theme, and again when its width or the theme changes. */
export function draw(place: HTMLElement, data: ChartData, options: DrawOptions): Drawn {
  let latest = data;
  let plot = plotOf(place, latest, options);
  const again = () => {
    plot.destroy();
    plot = plotOf(place, latest, options);
  };
  const sized = new ResizeObserver(() => {
    if (place.clientWidth !== plot.width) plot.setSize({ width: place.clientWidth, height: options.height });
  });
  sized.observe(place);
  const themed = new MutationObserver(again);
  themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", again);
  return {
    update: (next) => {
      const isAlike = shapeOf(next.series) === shapeOf(latest.series);
      latest = next;
      if (isAlike) plot.setData(aligned(next));
      else again();
    },
    remove: () => {
      sized.disconnect();
      themed.disconnect();
      system.removeEventListener("change", again);
      plot.destroy();
    },
  };
}

function plotOf(place: HTMLElement, data: ChartData, { height, format, onPoint }: DrawOptions): uPlot {
  const colour = coloursAt(place);
  const isBars = data.series.some(({ kind }) => kind === "bars");
  const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const options: uPlot.Options = {
    width: place.clientWidth,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    padding: [8, 8, 0, 0],
    scales: {
      // Bars begin at their time: the last one needs room behind it.
      x: { range: (_, min, max) => [min, max + (isBars ? stepOf(data) : 0)] },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      { ...axis, size: TIMES_PX, values: (_, times, __, ___, step) => times.map((time) => timeText(time, step)) },
      { ...axis, size: AXIS_PX, values: (_, values) => values.map(format) },
    ],
    series: [{}, ...data.series.map((series) => seriesOf(series, colour(`--${series.tone}`)))],
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)] },
  };
  return new uPlot(options, aligned(data), place);
}

function seriesOf({ label, kind }: ChartSeries, stroke: string): uPlot.Series {
  const paths = kind === "bars" ? uPlot.paths.bars?.({ size: [0.8, 28], align: 1 }) : undefined;
  return {
    label,
    stroke,
    width: kind === "bars" ? 0 : 1.75,
    // A value without neighbours is no line: it is a point.
    points: {
      show: true,
      size: 5,
      fill: stroke,
      filter: (plot, index) => (kind === "bars" ? [] : aloneIn(plot, index)),
    },
    ...(kind === "bars" ? { fill: stroke } : {}),
    ...(paths === undefined ? {} : { paths }),
  };
}

/** Where a value stands alone. */
function aloneIn({ data }: uPlot, series: number): number[] {
  const values = data[series] ?? [];
  const isThere = (index: number): boolean => typeof values[index] === "number";
  return Array.from(values.keys()).filter((index) => isThere(index) && !isThere(index - 1) && !isThere(index + 1));
}

/** Seconds from one time to the next. */
const stepOf = ({ times: [first = 0, second = first] }: ChartData): number => second - first;

const timeText = (time: number, step: number): string => (step < DAY_S ? CLOCK : DAY).format(time * 1000);

/** Bars are as high as all that stand below them together, and drawn in that order: each covers the lower part of those before it. */
function aligned({ times, series }: ChartData): uPlot.AlignedData {
  const heights = series.map(({ values, kind }, index) => {
    if (kind !== "bars") return [...values];
    const below = series.slice(index).filter((other) => other.kind === "bars");
    return values.map((_, at) => below.reduce((sum, other) => sum + (other.values[at] ?? 0), 0));
  });
  return [[...times], ...heights];
}

const shapeOf = (series: readonly ChartSeries[]): string =>
  JSON.stringify(series.map(({ label, tone, kind }) => [label, tone, kind]));

/** The canvas knows no `light-dark()`: an element that is styled so says what came of it. */
function coloursAt(place: HTMLElement): (property: string) => string {
  return (property) => {
    const probe = document.createElement("span");
    probe.style.color = `var(${property})`;
    place.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  };
}
