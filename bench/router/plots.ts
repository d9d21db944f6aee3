/** Plots of what was measured, as SVG of their own: on a white card, so that they are read the same on light and dark pages. */
import { BarChart, CustomChart, LineChart, type CustomSeriesOption } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use, type EChartsCoreOption } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { Case, Plot, Section } from "./results.ts";
import { formatNumber, summarise, type Summary } from "./statistics.ts";

use([BarChart, CustomChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

type Bars = Extract<Plot, { kind: "bars" }>;
type Lines = Extract<Plot, { kind: "lines" }>;

interface Picture {
  readonly height: number;
  readonly option: EChartsCoreOption;
}

/** Pixels, as are all lengths here: as wide as a document on GitHub. */
const WIDTH = 880;
const MARGIN = 24;
const LINE = 22;
const LEGEND_GAP = 14;
/** A symbol and the gaps around it. */
const LEGEND_ITEM = 50;
const BAR = 18;
const BAR_GAP = 3;
const CASE_GAP = 20;
const CAP = 4;
/** What a character of the labels takes at most, on average. */
const CHARACTER = 7;
const CASE_NAME_MAX = 230;
/** For the value behind the longest whisker. */
const VALUE_ROOM = 80;
const LINES_HEIGHT = 440;
/** A line of more points is drawn without them. */
const POINTS_SHOWN_MAX = 24;

const CARD = "#ffffff";
const INK = "#1f2328";
const FAINT_INK = "#59636e";
const RULE = "#d1d9e0";
/** Told apart by those who do not see all colours, too (Okabe and Ito). What is compared with is grey. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const REFERENCE_COLOURS = ["#a3adb8", "#6e7781", "#d0d7de"];
const SYMBOLS = ["circle", "rect", "triangle", "diamond"];

const FANTAIL = "Fantail";

/** Answers the SVG's text, the same for the same figures. */
export function renderPlot(plot: Plot, section: Section): string {
  const { height, option } = plot.kind === "bars" ? barsOf(plot, section.cases) : linesOf(plot);
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  chart.setOption(option);
  const svg = chart.renderToSVGString();
  chart.dispose();
  // What a mouse would need is no use in a picture; names are left that count the charts the process has made.
  return `${svg
    .replace(/<style\b.*?<\/style>\n?/s, "")
    .replaceAll(/ (?:class|pointer-events|ecmeta_\w+)="[^"]*"/g, "")
    .replaceAll(/\bzr\d+-/g, "zr-")}\n`;
}

interface Heading {
  readonly title: string;
  /** A line under the title; may be empty. */
  readonly note: string;
  /** Of the legend. */
  readonly entries: readonly { readonly name: string; readonly itemStyle?: object }[];
}

/** What both kinds have: the card, a title, a legend. `top`: where the plot itself may begin. */
function frame({ title, note, entries }: Heading): { readonly option: EChartsCoreOption; readonly top: number } {
  const legendWidth = entries.reduce((sum, { name }) => sum + name.length * CHARACTER + LEGEND_ITEM, 0);
  const legendRows = Math.ceil(legendWidth / (WIDTH - 2 * MARGIN));
  const legendTop = MARGIN + LINE + (note === "" ? 0 : LINE);
  return {
    top: legendTop + legendRows * (LEGEND_GAP + 14) + 10,
    option: {
      animation: false,
      backgroundColor: CARD,
      textStyle: { fontFamily: "sans-serif" },
      title: {
        text: title,
        subtext: note,
        left: MARGIN,
        top: 16,
        padding: 0,
        itemGap: 6,
        textStyle: { fontSize: 16, color: INK },
        subtextStyle: { fontSize: 12, color: FAINT_INK },
      },
      legend: {
        data: entries,
        left: MARGIN,
        right: MARGIN,
        top: legendTop,
        padding: 0,
        itemGap: LEGEND_GAP,
        textStyle: { color: INK, fontSize: 12 },
      },
    },
  };
}

/** `ack p99 (ms)`. */
const axisName = (name: string, unit: string): string => (unit === "" ? name : `${name} (${unit})`);

const valueAxis = (name: string, nameGap: number): object => ({
  name,
  nameLocation: "middle",
  nameGap,
  nameTextStyle: { color: INK, fontSize: 12 },
  axisLabel: { color: FAINT_INK, fontSize: 12, formatter: formatNumber },
  axisLine: { show: true, lineStyle: { color: RULE } },
  splitLine: { lineStyle: { color: RULE } },
});

/** A group per case that has the metric; bars lie, so that names of any length and values have their room. */
function barsOf({ title, metric: name }: Bars, allCases: readonly Case[]): Picture {
  const found = allCases.flatMap((one) => {
    const metric = one.metrics.find((candidate) => candidate.name === name);
    return metric === undefined ? [] : [{ name: one.name, metric }];
  });
  const unit = found[0]?.metric.unit;
  if (unit === undefined) throw new Error(`${title}: no case has the metric ${name}`);
  const references = [...new Set(found.flatMap(({ metric }) => metric.reference?.name ?? []))];
  const series = [FANTAIL, ...references].map((who, index) => ({
    name: who,
    colour: (index === 0 ? COLOURS[0] : REFERENCE_COLOURS[(index - 1) % REFERENCE_COLOURS.length]) ?? INK,
    /** Null where a case is not compared with it. */
    summaries: found.map(({ metric: { fantail, reference } }) => {
      if (index === 0) return summarise(fantail);
      return reference?.name === who ? summarise(reference.values) : null;
    }),
  }));
  const hasSpread = found.some(({ metric }) => metric.fantail.length > 1);
  const { option, top } = frame({
    title,
    note: hasSpread ? "Bars and figures: the median of the runs. Whiskers: from the lowest run to the highest." : "",
    entries: series.map((one) => ({ name: one.name })),
  });
  const longest = Math.max(...found.map((one) => one.name.length));
  const labelWidth = Math.min(longest * CHARACTER, CASE_NAME_MAX);
  const group = series.length * BAR + (series.length - 1) * BAR_GAP;
  const body = found.length * (group + CASE_GAP);
  return {
    height: top + body + 64,
    option: {
      ...option,
      grid: { left: MARGIN + labelWidth + 12, right: MARGIN + VALUE_ROOM, top, height: body, outerBoundsMode: "none" },
      xAxis: { type: "value", min: 0, ...valueAxis(axisName(name, unit), 28) },
      yAxis: {
        type: "category",
        inverse: true,
        data: found.map((one) => one.name),
        axisTick: { show: false },
        axisLine: { lineStyle: { color: FAINT_INK } },
        axisLabel: { color: INK, fontSize: 12, margin: 10, width: labelWidth, overflow: "break", interval: 0 },
      },
      series: series.flatMap(({ name: who, colour, summaries }, index) => [
        {
          type: "bar",
          name: who,
          silent: true,
          emphasis: { disabled: true },
          itemStyle: { color: colour },
          barWidth: BAR,
          barGap: `${(BAR_GAP / BAR) * 100}%`,
          data: summaries.map((summary) => summary?.median ?? Number.NaN),
        },
        whiskers(summaries, (index - (series.length - 1) / 2) * (BAR + BAR_GAP)),
      ]),
    },
  };
}

const inkLine = (x1: number, y1: number, x2: number, y2: number) =>
  ({ type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: INK, lineWidth: 1.5 } }) as const;

/** From the lowest run to the highest, and the median's value behind it. `shift`: of the bar from the middle of its group. */
function whiskers(summaries: readonly (Summary | null)[], shift: number): CustomSeriesOption {
  return {
    type: "custom",
    silent: true,
    z: 10,
    encode: { x: [1, 2, 3], y: 0 },
    data: summaries.flatMap((summary, index) =>
      summary === null ? [] : [[index, summary.median, summary.lowest, summary.highest]],
    ),
    renderItem(_, api) {
      const [index, middle, lowest, highest] = [0, 1, 2, 3].map((dimension) => Number(api.value(dimension)));
      const at = (value = Number.NaN): readonly [number, number] => {
        const [x = 0, y = 0] = api.coord([Number.isNaN(value) ? 0 : value, index ?? 0]);
        return [x, y + shift];
      };
      const [[left, y], [right]] = [at(lowest), at(highest)];
      const text = {
        type: "text" as const,
        x: right + CAP + 4,
        y,
        style: {
          text: formatNumber(middle ?? Number.NaN),
          fill: INK,
          stroke: CARD,
          lineWidth: 3,
          fontSize: 12,
          verticalAlign: "middle" as const,
        },
      };
      if (!(right > left)) return { type: "group", children: [text] };
      return {
        type: "group",
        children: [
          inkLine(left, y, right, y),
          inkLine(left, y - CAP, left, y + CAP),
          inkLine(right, y - CAP, right, y + CAP),
          text,
        ],
      };
    },
  };
}

const isDense = (points: readonly unknown[]): boolean => points.length > POINTS_SHOWN_MAX;

function linesOf({ title, x, y, lines }: Lines): Picture {
  const entries = lines.map(({ name, points }) => ({ name, itemStyle: { opacity: isDense(points) ? 0 : 1 } }));
  const { option, top } = frame({ title, note: "", entries });
  for (const { name, points } of lines)
    if (x.isLog && points.some(([at]) => at <= 0))
      throw new Error(`${title}: ${name} has a point that no logarithm has`);
  const heights = lines.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
  // The axis may end somewhat above the highest.
  const labelWidth = formatNumber(2 * Math.max(1_000, ...heights)).length * CHARACTER;
  return {
    height: LINES_HEIGHT,
    option: {
      ...option,
      grid: { left: MARGIN + labelWidth + 24, right: MARGIN + 16, top, bottom: 64, outerBoundsMode: "none" },
      xAxis: { type: x.isLog ? "log" : "value", ...valueAxis(x.name, 32) },
      yAxis: { type: "value", min: 0, ...valueAxis(axisName(y.name, y.unit), labelWidth + 16) },
      series: lines.map(({ name, points }, index) => ({
        type: "line",
        name,
        silent: true,
        emphasis: { disabled: true },
        symbol: isDense(points) ? "none" : SYMBOLS[index % SYMBOLS.length],
        symbolSize: 7,
        color: COLOURS[index % COLOURS.length],
        lineStyle: { width: 2, type: index < COLOURS.length ? "solid" : "dashed" },
        data: points.toSorted(([one], [other]) => one - other),
      })),
    },
  };
}
