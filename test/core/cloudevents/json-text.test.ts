// The scanner, held against JSON.parse: what it cuts out parses to the same value, and it says "not JSON" about the same texts.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { faultOffset } from "../../../src/core/cloudevents/json-fault.ts";
import {
  elementMemberSpans,
  memberOutline,
  memberSpan,
  outlineJson,
  valueSpan,
  type Span,
} from "../../../src/core/cloudevents/json-text.ts";
import { JSON_DEPTH_MAX } from "../../../src/core/limits.ts";
import malformed from "../../vectors/cloudevents-malformed-json.json" with { type: "json" };
import { jsonText } from "./arbitraries.ts";

const cut = (text: string, span: Span | null) => (span === null ? null : text.slice(span.start, span.end));

function outlined(text: string, name: string) {
  const parsed = outlineJson(text, JSON_DEPTH_MAX, memberSpan(name));
  return parsed.ok ? cut(text, parsed.value.outline) : parsed.error;
}

const parseJson = (text: string) => {
  const parsed = outlineJson(text, JSON_DEPTH_MAX, valueSpan);
  return parsed.ok ? { ok: true, value: parsed.value.value } : parsed;
};

const isJsonText = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe("outlineJson()", () => {
  it.each(malformed.texts)("says where %j is wrong", (text = "", place = "") => {
    expect(isJsonText(text)).toBe(false);
    expect(parseJson(text)).toEqual({ ok: false, error: place });
  });

  it("gives the value of any JSON text", () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(parseJson(text)).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });

  it("takes JSON_DEPTH_MAX levels and refuses one more, where it opens", () => {
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    expect(parseJson(nested(JSON_DEPTH_MAX)).ok).toBe(true);
    expect(parseJson(`\n ${nested(JSON_DEPTH_MAX + 1)}`)).toEqual({
      ok: false,
      error: `line 2, column ${JSON_DEPTH_MAX + 2}, where it nests over ${JSON_DEPTH_MAX} levels, the limit`,
    });
    expect(parseJson(`"${"[".repeat(1_000)}"`).ok).toBe(true);
    expect(parseJson(`[${"[],{},".repeat(1_000)}[]]`).ok).toBe(true);
  });

  it.each(["[", "{", '{"a":', '[{"a":', '"\\', "[[],"])("survives a million times %j", (part) => {
    expect(parseJson(part.repeat(1_000_000)).ok).toBe(false);
  });
});

describe("faultOffset()", () => {
  it("is null for exactly the texts that JSON.parse takes", () => {
    const soup = fc.string({
      unit: fc.constantFrom(...Array.from('{}[]:,"\\ \n\t0123-+.eEtrufalsnx\u0000\u00a0é')),
      maxLength: 12,
    });
    fc.assert(
      fc.property(fc.oneof(soup, jsonText), (text) => {
        expect(faultOffset(text) === null).toBe(isJsonText(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it("is where a character was put in that stands nowhere", () => {
    fc.assert(
      fc.property(jsonText, fc.nat(), (text, at) => {
        const index = at % (text.length + 1);
        expect(faultOffset(`${text.slice(0, index)}\u0001${text.slice(index)}`)).toBe(index);
      }),
    );
  });

  it("is the length of a text that breaks off", () => {
    fc.assert(
      fc.property(jsonText, fc.nat(), (text, at) => {
        const head = text.slice(0, at % text.length);
        expect([null, head.length]).toContain(faultOffset(head));
      }),
    );
  });
});

describe("memberSpan()", () => {
  it.each([
    ['{"data":1.10}', "1.10"],
    [' \n{ "a" : 1 , "data"\t:\r\n[ 1 ] , "b":2 } ', "[ 1 ]"],
    ['{"d\\u0061ta":"x"}', '"x"'],
    ['{"data":1,"data":2}', "2"],
    ['{"data":1,"\\u0064ata":{"data":3}}', '{"data":3}'],
    ['{"a":{"data":1}}', null],
    ['{"a":"\\"data\\":1,","data":"}"}', '"}"'],
    ['{"a\\\\":"\\\\","data":"\\\\\\""}', '"\\\\\\""'],
    ['{"__proto__":{"data":1}}', null],
    ["{}", null],
    ['["data"]', null],
    ['"data"', null],
    ["1", null],
  ])("finds the value of data in %s", (text, expected) => {
    expect(outlined(text, "data")).toBe(expected);
  });

  it("finds what JSON.parse finds, under any name", () => {
    const space = fc.constantFrom("", " ", "\n", "\r\n\t");
    const name = fc.oneof(
      fc.constantFrom("data", "__proto__", "a", "\ud800", ""),
      fc.string({ unit: "binary", maxLength: 5 }),
    );
    const member = fc.tuple(name, fc.boolean(), jsonText, space);
    fc.assert(
      fc.property(fc.array(member, { maxLength: 5 }), space, (members, around) => {
        const written = members.map(([key, escaped, text, gap]) => {
          const token = escaped ? `"${Array.from(key, escapeUnits).join("")}"` : JSON.stringify(key);
          return `${gap}${token}${gap}:${gap}${text}${gap}`;
        });
        const text = `${around}{${written.join(",")}}${around}`;
        const values = new Map<string, unknown>(Object.entries(JSON.parse(text)));
        for (const [key] of members) {
          const found = outlined(text, key);
          expect(members.findLast((other) => other[0] === key)?.[2].trim()).toBe(found);
          // V8 takes "\u0061" for the key "\" where it has seen an object with that key in the same place.
          if (values.has(key)) expect(JSON.parse(found ?? "")).toEqual(values.get(key));
        }
        expect(outlined(text, "another name")).toBeNull();
      }),
    );
  });
});

const escapeUnits = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
  ).join("");

describe("memberOutline()", () => {
  it.each([
    ['{"event":{"data":1.10}}', "1.10"],
    ['{"data":1,"event":{"a":{"data":2},"data":[3]}}', "[3]"],
    ['{"event":{"data":1},"data":2}', "1"],
    ['{"event":{"data":1},"event":{"data":2}}', "2"],
    ['{"event":{"data":1},"event":{}}', null],
    ['{"event":{"data":1},"\\u0065vent":5}', null],
    ['{"event":[{"data":1}]}', null],
    ['{"event":"{\\"data\\":1}"}', null],
    ["[]", null],
  ])("finds the data of the event in %s", (text, expected) => {
    const parsed = outlineJson(text, JSON_DEPTH_MAX, memberOutline("event", memberSpan("data")));
    expect(parsed.ok && cut(text, parsed.value.outline)).toBe(expected);
  });
});

describe("elementMemberSpans()", () => {
  it("finds the member in each element that is an object", () => {
    const text = ' [ {"data":1} , 2 , [{"data":3}] , "{\\"data\\":4}" , {} , {"data" : [5] } ] ';
    const parsed = outlineJson(text, JSON_DEPTH_MAX, elementMemberSpans("data"));
    const found = parsed.ok ? parsed.value.outline.map((span) => cut(text, span)) : parsed.error;
    expect(found).toEqual(["1", null, null, null, null, "[5]"]);
  });

  it("agrees with JSON.parse on any array", () => {
    fc.assert(
      fc.property(fc.array(jsonText, { maxLength: 6 }), (elements) => {
        const text = `[${elements.map((element, index) => (index % 2 ? element : `{"x":0,"data":${element}}`)).join(", ")}]`;
        const parsed = outlineJson(text, JSON_DEPTH_MAX, elementMemberSpans("data"));
        if (!parsed.ok) throw new Error(parsed.error);
        expect(parsed.value.outline).toHaveLength(elements.length);
        for (const [index, element] of elements.entries())
          if (index % 2 === 0) expect(cut(text, parsed.value.outline[index] ?? null)).toBe(element.trim());
      }),
    );
  });
});

it("outlineJson() ends on any text, with any outline", () => {
  const soup = fc.string({ unit: fc.constantFrom(...Array.from('{}[]:,"\\ d\n1')), maxLength: 30 });
  fc.assert(
    fc.property(soup, (text) => {
      for (const outline of [valueSpan, memberSpan("d"), elementMemberSpans("d")])
        expect(outlineJson<unknown>(text, 3, outline).ok && !isJsonText(text)).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});

it("valueSpan() leaves out the white space around the value", () => {
  const parsed = outlineJson("\r\n [1, 2]\t", 1, valueSpan);
  expect(parsed.ok && parsed.value.outline).toEqual({ start: 3, end: 9 });
});
