import { describe, expect, it } from "vitest";
import { renderPlot } from "../../../bench/router/plots.ts";
import type { Plot } from "../../../bench/router/results.ts";
import { LATENCIES, PUBLISHING } from "./results.ts";

const bars: Plot = { kind: "bars", title: "Acknowledged & counted", metric: "acked events/s" };

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

/** The texts of a well-formed document; throws at what is none: tags that do not match, attributes twice, loose characters. */
function textsOf(xml: string): readonly string[] {
  const open: string[] = [];
  const texts: string[] = [];
  const decode = (text: string): string => {
    expect(text).not.toMatch(/[<>]|&(?!(?:amp|lt|gt|quot|#39);)/);
    return text.replaceAll(/&([^;]+);/g, (_, name: string) => ENTITIES[name] ?? "");
  };
  let end = 0;
  for (const tag of xml.matchAll(/<(\/?)([a-zA-Z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g)) {
    const text = decode(xml.slice(end, tag.index)).trim();
    if (text !== "") {
      expect(open).not.toEqual([]);
      texts.push(text);
    }
    end = tag.index + tag[0].length;
    const [, isEnd, name = "", attributes = "", isEmpty] = tag;
    const names = [...attributes.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key = "", value = ""]) => {
      decode(value);
      return key;
    });
    expect(new Set(names).size).toBe(names.length);
    if (isEnd === "/") expect(open.pop()).toBe(name);
    else if (isEmpty !== "/") open.push(name);
  }
  expect(xml.slice(end).trim()).toBe("");
  expect(open).toEqual([]);
  return texts;
}

/** As one line: long names are broken into several texts. */
const flat = (texts: readonly string[]): string => texts.join(" ");

describe("renderPlot()", () => {
  it("shows bars with their names, units, values and whiskers", () => {
    const svg = renderPlot(bars, PUBLISHING);
    const texts = textsOf(svg);
    expect(texts).toEqual(
      expect.arrayContaining([
        "Acknowledged & counted",
        "Fantail",
        "floor",
        "acked events/s (1/s)",
        "1 kB, one by one",
      ]),
    );
    expect(flat(texts)).toContain('GitHub | "as they come" & <gzip>');
    // Medians: of the router, of the floor, and where there is no floor.
    expect(texts).toEqual(expect.arrayContaining(["810", "40", "1,100", "6,000"]));
    expect(texts.filter((text) => text === "1,100")).toHaveLength(2);
    // Three strokes each, for all that ran more than once.
    expect(svg.match(/stroke-width="1.5"/g)).toHaveLength(3 * 4);
  });

  it("draws the bars' lengths and the whiskers' ends by the values", () => {
    const svg = renderPlot(
      { kind: "bars", title: "Until the answer", metric: "ack p99" },
      { ...PUBLISHING, cases: PUBLISHING.cases.slice(0, 1) },
    );
    const drawn = [...svg.matchAll(/<path d="M\S+ (\S+)l(\S+) 0l0 18l/g)];
    const [fantail = 0, floor = 0] = drawn.map(([, , width]) => Number(width));
    expect(fantail / floor).toBeCloseTo(33 / 11, 2);
    const lines = [...svg.matchAll(/d="M(\S+) (\S+)L(\S+) (\S+)"[^>]*stroke-width="1.5"/g)];
    const across = lines.filter(([, , fromY, , toY]) => fromY === toY);
    // Each in the middle of its bar.
    expect(across.map(([, , y]) => Number(y))).toEqual(drawn.map(([, top]) => Number(top) + 9));
    const spreads = across.map(([, fromX, , toX]) => Number(toX) - Number(fromX));
    expect(spreads[0]).toBeCloseTo((30 / 33) * fantail, 0);
    expect(spreads[1]).toBeCloseTo((2 / 11) * floor, 0);
  });

  it("says that a figure is missing", () => {
    const [first] = PUBLISHING.cases;
    const metric = { ...PUBLISHING.cases[1]?.metrics[0], fantail: [1, Number.NaN, 2], reference: null } as never;
    const texts = textsOf(renderPlot(bars, { ...PUBLISHING, cases: [{ name: first?.name ?? "", metrics: [metric] }] }));
    expect(texts).toContain("–");
    expect(texts).not.toContain("NaN");
  });

  it("shows lines with their names and axes", () => {
    const [plot] = LATENCIES.plots;
    const svg = renderPlot(plot ?? bars, LATENCIES);
    const texts = textsOf(svg);
    expect(texts).toEqual(
      expect.arrayContaining([
        "Share of deliveries within a time",
        "Fantail <50/s>",
        "floor",
        "time (ms)",
        "deliveries (%)",
        "10",
        "100",
        "1,000",
      ]),
    );
    // As many strokes of two pixels as lines, beside those of the legend.
    expect(
      svg.match(/<path d="M\S+ \S+L\S+ \S+L\S+ \S+" fill="none" stroke="#[0-9a-f]{6}" stroke-width="2"/g),
    ).toHaveLength(2);
  });

  it("draws no points on a line that has too many, nor in its legend", () => {
    const shapes = (count: number): number => {
      const points = Array.from({ length: count }, (_, index) => [index + 1, index] as const);
      const [plot] = LATENCIES.plots;
      if (plot?.kind !== "lines") throw new Error("it is of lines");
      const svg = renderPlot({ ...plot, lines: [{ name: "one", points }] }, LATENCIES);
      return svg.match(/fill="#0072b2"(?! fill-opacity="0")/g)?.length ?? 0;
    };
    expect(shapes(24)).toBeGreaterThanOrEqual(24);
    expect(shapes(25)).toBe(0);
  });

  it("has nothing outside the picture", () => {
    for (const section of [PUBLISHING, LATENCIES])
      for (const plot of section.plots) {
        const svg = renderPlot(plot, section);
        const [, width, height] = /<svg width="(\d+)" height="(\d+)"/.exec(svg) ?? [];
        for (const [, x, y] of svg.matchAll(/<text[^>]*transform="translate\((\S+) (\S+)\)"/g)) {
          expect(Number(x)).toBeGreaterThanOrEqual(0);
          expect(Number(x)).toBeLessThan(Number(width));
          expect(Number(y)).toBeGreaterThanOrEqual(0);
          expect(Number(y)).toBeLessThan(Number(height) - 8);
        }
      }
  });

  it("has a ground of its own, and nothing that changes from one time to the next", () => {
    for (const section of [PUBLISHING, LATENCIES])
      for (const plot of section.plots) {
        const svg = renderPlot(plot, section);
        expect(svg).toContain('fill="#ffffff"');
        expect(svg).not.toMatch(/zr\d|<style|class=/);
        expect(renderPlot(plot, section)).toBe(svg);
      }
  });

  it("refuses what it cannot draw", () => {
    expect(() => renderPlot({ ...bars, metric: "another" }, PUBLISHING)).toThrow("no case has the metric another");
    const plot: Plot = {
      kind: "lines",
      title: "Log",
      x: { name: "x", isLog: true },
      y: { name: "y", unit: "" },
      lines: [{ name: "one", points: [[0, 1]] }],
    };
    expect(() => renderPlot(plot, LATENCIES)).toThrow("Log: one has a point that no logarithm has");
  });
});
