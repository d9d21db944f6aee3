import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { documentOf, writeDocument } from "../../../bench/router/document.ts";
import type { Results } from "../../../bench/router/results.ts";
import { LATENCIES, PUBLISHING, RESULTS } from "./results.ts";

const ROOT = join(import.meta.dirname, "../../..");
const made: string[] = [];
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fantail-performance-"));
  made.push(directory);
});
afterAll(() => {
  for (const one of made) rmSync(one, { recursive: true });
});

/** The cells of all rows that have this text. */
const rowsWith = (text: string, markdown: string): string[][] =>
  markdown
    .split("\n")
    .filter((line) => line.startsWith("|") && line.includes(text))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

const read = (file: string): string => readFileSync(join(directory, file), "utf8");

describe("documentOf()", () => {
  const markdown = documentOf(RESULTS, []);

  it("has the medians with their spread, and ratios of the same run", () => {
    // The ratios of the runs are 0.8, 0.4 and 0.8; the medians' own would be 0.736.
    expect(rowsWith("acked events/s", markdown)).toContainEqual([
      "1 kB, one by one",
      "acked events/s",
      "1/s",
      "810 [800–880]",
      "1,100 [1,000–2,025]",
      "0.8 [0.4–0.8]",
      "at least 0.5: met",
    ]);
  });

  it("says which aims are not met, in the summary and where they belong", () => {
    expect(markdown).toContain("**1 of 2 are not met.**");
    expect(rowsWith("ack p99", markdown)).toEqual([
      ["Publishing", "1 kB, one by one", "ack p99", "at most 2", "3 [3–5]", "**not met**"],
      ["1 kB, one by one", "ack p99", "ms", "33 [30–60]", "11 [10–12]", "3 [3–5]", "at most 2: **not met**"],
    ]);
  });

  it("says so when all are met, or there are none", () => {
    const [first] = PUBLISHING.cases;
    const met = { ...PUBLISHING, cases: [{ name: "one", metrics: first?.metrics.slice(0, 1) ?? [] }] };
    expect(documentOf({ ...RESULTS, sections: [met] }, [])).toContain("All are met.");
    expect(documentOf({ ...RESULTS, sections: [LATENCIES] }, [])).toContain("There are none.");
  });

  it("leaves empty what has no reference, and shows one run without a spread", () => {
    expect(rowsWith("without a floor", markdown)).toEqual([
      ["without a floor", "acked events/s", "1/s", "6,000", "", "", ""],
    ]);
  });

  it("has no column in which there is nothing", () => {
    expect(rowsWith("p50", markdown)).toEqual([["50 events/s", "p50", "ms", "42 [41–43]"]]);
  });

  it("keeps a name with a bar in its cell, and shows one that looks like HTML", () => {
    expect(rowsWith("GitHub", markdown).map((cells) => [cells[0], cells.length])).toEqual([
      ['GitHub \\| "as they come" & \\<gzip>', 7],
    ]);
  });

  it("has the headings that others point to, and the parts behind them", () => {
    const parts = ["## Cost\n\nA part.", "## More\n\nAnother."];
    expect(documentOf(RESULTS, parts).match(/^#+ .*$/gm)).toEqual([
      "# Performance",
      "## Aims",
      "## How it is measured",
      "## What the local runtime does not show",
      "## Publishing",
      "## From publish to sink",
      "## Cost",
      "## More",
    ]);
  });

  it("says where, with what and when it was measured", () => {
    expect(markdown).toContain("Machine: 2 × Some Processor, Linux 6.1.");
    expect(markdown).toContain("Node 24.21.0, Miniflare 5.0.0, Fantail 0.1.0. Measured on 2026-11-26.");
    expect(markdown).toContain("after 20 ms");
    expect(markdown).toContain("there are 3 runs");
  });

  it("says on top that it is from a quick run, and only then", () => {
    expect(documentOf({ ...RESULTS, quick: true }, []).split("\n")[2]).toMatch(/^\*\*From a quick run:\*\*/);
    expect(markdown).not.toContain("quick run");
  });
});

describe("writeDocument()", () => {
  it("writes document, data and plots, formatted as the project has it", () => {
    expect(writeDocument(RESULTS, ["## Cost\n\nA part."], { directory })).toBe(true);
    expect(JSON.parse(read("performance.json"))).toEqual(RESULTS);
    const markdown = read("performance.md");
    const pictures = [...markdown.matchAll(/!\[([^\]]*)\]\(([^)]*)\)/g)].map(([, title, file]) => [title, file]);
    expect(pictures).toEqual([
      ["Acknowledged & counted", "performance/publishing.svg"],
      ["Until the answer", "performance/publishing-2.svg"],
      ["Share of deliveries within a time", "performance/from-publish-to-sink.svg"],
    ]);
    for (const [title = "", file = ""] of pictures) expect(read(file)).toContain(title.replace("&", "&amp;"));
    expect(rowsWith("acked events/s", markdown)[0]).toContain("0.8 [0.4–0.8]");
    expect(markdown).toMatch(/## Cost\n\nA part\.\n$/);
    expect(spawnSync(join(ROOT, "node_modules/.bin/oxfmt"), ["--check", directory], { cwd: ROOT }).status).toBe(0);
  });

  it("writes the same for the same results", () => {
    writeDocument(RESULTS, [], { directory });
    const before = [read("performance.md"), read("performance.json"), read("performance/publishing.svg")];
    writeDocument(RESULTS, [], { directory });
    expect([read("performance.md"), read("performance.json"), read("performance/publishing.svg")]).toEqual(before);
  });

  it("takes away the plots of what is no longer measured, and nothing else", () => {
    writeDocument(RESULTS, [], { directory });
    writeFileSync(join(directory, "performance/of-another.svg"), "<svg/>");
    writeDocument({ ...RESULTS, sections: [LATENCIES] }, [], { directory });
    expect(existsSync(join(directory, "performance/publishing.svg"))).toBe(false);
    expect(existsSync(join(directory, "performance/from-publish-to-sink.svg"))).toBe(true);
    expect(existsSync(join(directory, "performance/of-another.svg"))).toBe(true);
  });

  it("keeps a full run's figures from a quick one's, unless it is asked to", () => {
    const quick: Results = { ...RESULTS, quick: true, machine: "another" };
    expect(writeDocument(quick, [], { directory })).toBe(true);
    expect(writeDocument(RESULTS, [], { directory })).toBe(true);
    expect(writeDocument(quick, [], { directory })).toBe(false);
    expect(read("performance.md")).not.toContain("quick run");
    expect(JSON.parse(read("performance.json"))).toEqual(RESULTS);
    expect(writeDocument(quick, [], { directory, replacesFull: true })).toBe(true);
    expect(read("performance.md")).toContain("quick run");
  });
});
