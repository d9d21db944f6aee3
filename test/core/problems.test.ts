// The registry of problems and its page name the same slugs.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { PROBLEMS } from "../../src/core/problem.ts";

const page = readFileSync(`${import.meta.dirname}/../../docs/problems.md`, "utf8");
const sections = page.split(/^## /m).slice(1);
const headings = sections.map((section) => section.slice(0, section.indexOf("\n")));

it("PROBLEMS and docs/problems.md have the same slugs in the same order", () => {
  expect(headings).toEqual(Object.keys(PROBLEMS));
});

it("docs/problems.md gives each problem the status it has, and something to do", () => {
  const statuses = Object.values(PROBLEMS).map(({ status }) => status);
  expect(sections.map((section) => Number(/^\*\*(\d+)\.\*\* \S/m.exec(section)?.[1]))).toEqual(statuses);
});
