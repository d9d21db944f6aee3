// What is refused, where the fault points, and that the words say what to do instead.
import { describe, expect, it } from "vitest";
import { importFilters, type ImportRequest } from "../../../src/core/import/import-filters.ts";
import { exactness } from "../../../src/core/inexact.ts";
import { ATTRIBUTES_MAX, IMPORT_BYTES_MAX } from "../../../src/core/limits.ts";

function faultsOf(request: ImportRequest): readonly string[] {
  const result = importFilters(request);
  return result.ok ? [] : result.error.map(({ pointer, detail }) => `${pointer}: ${detail}`);
}

/** Every one of the parts must be in the fault of the same place. */
function expectFaults(request: ImportRequest, wanted: Readonly<Record<string, string>>): void {
  const faults = faultsOf(request);
  expect(faults.map((fault) => fault.slice(0, fault.indexOf(": "))).toSorted()).toEqual(Object.keys(wanted).toSorted());
  for (const [pointer, words] of Object.entries(wanted)) {
    expect(faults.filter((fault) => fault.startsWith(`${pointer}: `)).join("\n")).toContain(words);
  }
}

const rule = (pattern: unknown, attributes?: unknown): ImportRequest => ({
  from: "eventbridge",
  rule: pattern,
  attributes,
});
const body = (policy: unknown): ImportRequest => ({ from: "sns", policy, scope: "MessageBody" });
const attributes = (policy: unknown, places?: unknown): ImportRequest => ({ from: "sns", policy, attributes: places });
const grid = (filter: unknown, more: object = {}): ImportRequest => ({ from: "eventgrid", filter, ...more });
const advanced = (...advancedFilters: unknown[]): ImportRequest =>
  grid({ advancedFilters, enableAdvancedFilteringOnArrays: true });

describe("importFilters() refuses of EventBridge", () => {
  it("members of the envelope that a CloudEvent does not have, all of them at once, and says what to do", () => {
    expectFaults(
      rule({ account: ["1"], region: ["eu"], resources: ["arn"], version: ["0"], extra: ["x"], source: ["a"] }),
      {
        "/rule/account": "attributes.account",
        "/rule/region": "attributes.region",
        "/rule/resources": "into the data",
        "/rule/version": "leave it out",
        "/rule/extra": "is no member of EventBridge's events",
      },
    );
  });

  it("them in branches of $or too, at their place", () => {
    expectFaults(rule({ $or: [{ source: ["a"] }, { region: ["eu"], $or: [{ account: ["1"] }, { id: ["x"] }] }] }), {
      "/rule/$or/1/region": "attributes.region",
      "/rule/$or/1/$or/0/account": "attributes.account",
    });
  });

  it("what has a schedule, or members that no rule has", () => {
    expectFaults(
      rule({ Name: "x", ScheduleExpression: "rate(5 minutes)", EventPattern: '{"source":["a"]}', Input: "x" }),
      {
        "/rule/ScheduleExpression": "schedule",
        "/rule/Input": "is not known as a member of a rule",
      },
    );
    expectFaults(rule({ Name: "x", ScheduleExpression: "rate(5 minutes)" }), {
      "/rule/ScheduleExpression": "schedule",
      "/rule/EventPattern": "is required",
    });
  });

  it("a pattern in JSON text, with a pointer to the text and the whole path in words", () => {
    expectFaults(rule({ EventPattern: '{"detail":{"a":[{"prefix":5}]}}' }), {
      "/rule/EventPattern": "rule.EventPattern.detail.a.0.prefix must be a string",
    });
    expectFaults(rule({ EventPattern: "{" }), { "/rule/EventPattern": "must be JSON" });
    expectFaults(rule({ EventPattern: "[]" }), { "/rule/EventPattern": "must be an object" });
    expectFaults(rule({ EventPattern: 5 }), { "/rule/EventPattern": "must be an object" });
  });

  it.each([
    [undefined, "/rule", "is required"],
    [null, "/rule", "must be an object"],
    [[], "/rule", "must be an object"],
    [{}, "/rule", "must not be empty"],
    [{ source: "a" }, "/rule/source", "must be an object of fields or an array of values"],
    [{ source: [] }, "/rule/source", "must not be empty"],
    [{ detail: {} }, "/rule/detail", "must not be empty"],
    [{ source: [["a"]] }, "/rule/source/0", "must be a string, a number"],
    [{ source: [{}] }, "/rule/source/0", "exactly one member"],
    [{ source: [{ prefix: "a", suffix: "b" }] }, "/rule/source/0", "exactly one member"],
    [{ source: [{ regex: "a" }] }, "/rule/source/0/regex", "is no operator that EventBridge documents"],
    [{ source: ["\ud800"] }, "/rule/source/0", "surrogates"],
    [{ detail: { "\ud800": ["a"] } }, "/rule/detail/\ud800", "surrogates"],
    [{ source: [{ prefix: ["a"] }] }, "/rule/source/0/prefix", "must be a string"],
    [
      { source: [{ prefix: { "equals-ignore-case": 1 } }] },
      "/rule/source/0/prefix/equals-ignore-case",
      "must be a string",
    ],
    [{ source: [{ suffix: { prefix: "a" } }] }, "/rule/source/0/suffix", "exactly one member, equals-ignore-case"],
    [{ source: [{ wildcard: "a**b" }] }, "/rule/source/0/wildcard", "must not have **"],
    [{ source: [{ wildcard: "a\\b" }] }, "/rule/source/0/wildcard", "only before *"],
    [{ source: [{ wildcard: "a\\" }] }, "/rule/source/0/wildcard", "only before *"],
    [{ source: [{ exists: "true" }] }, "/rule/source/0/exists", "must be true or false"],
    [{ source: [{ cidr: "10.0.0.0" }] }, "/rule/source/0/cidr", "must be a network like"],
    [{ source: [{ cidr: "10.0.0.1/32" }] }, "/rule/source/0/cidr", "at most 31 bits"],
    [{ source: [{ cidr: "010.0.0.1/8" }] }, "/rule/source/0/cidr", "must be a network like"],
    [{ source: [{ cidr: "2001:db8::1::/32" }] }, "/rule/source/0/cidr", "must be a network like"],
    [{ source: [{ wildcard: "*a".repeat(33) }] }, "/rule/source/0/wildcard", "at most 32 stars"],
    [{ source: ["x".repeat(4_097)] }, "/rule/source/0", "at most 4096 bytes"],
    [{ source: [{ exactly: "a" }] }, "/rule/source/0/exactly", "is no operator that EventBridge documents"],
    [{ source: { x: ["a"] } }, "/rule/source", "must be an array of values"],
    [{ "id.x": ["a"] }, "/rule/id.x", "must be an array of values"],
    [{ "detail-type.x": ["a"] }, "/rule/detail-type.x", "must be an array of values"],
    [{ source: [{ "anything-but": [] }] }, "/rule/source/0/anything-but", "must not be empty"],
    [
      { source: [{ "anything-but": ["a", 1] }] },
      "/rule/source/0/anything-but",
      "an array of strings, an array of numbers",
    ],
    [{ source: [{ "anything-but": null }] }, "/rule/source/0/anything-but", "an array of strings, an array of numbers"],
    [{ source: [{ "anything-but": { prefix: "" } }] }, "/rule/source/0/anything-but/prefix", "must not be empty"],
    [{ source: [{ "anything-but": { prefix: [] } }] }, "/rule/source/0/anything-but/prefix", "must not be empty"],
    [
      { source: [{ "anything-but": { numeric: [">", 1] } }] },
      "/rule/source/0/anything-but",
      "exactly one member, prefix or suffix",
    ],
    [{ detail: { n: [{ numeric: [">"] }] } }, "/rule/detail/n/0/numeric/1", "must be a number"],
    [{ detail: { n: [{ numeric: [">", "1"] }] } }, "/rule/detail/n/0/numeric/1", "must be a number"],
    [{ detail: { n: [{ numeric: ["<", 1, ">", 0] }] } }, "/rule/detail/n/0/numeric", "must be one comparison"],
    [{ detail: { n: [{ numeric: [">", 1, "<", 1] }] } }, "/rule/detail/n/0/numeric/3", "must be over 1"],
    [{ detail: { n: [{ numeric: ["=", 5_000_000_001] }] } }, "/rule/detail/n/0/numeric/1", "within ±5000000000"],
    [
      { detail: { n: [{ numeric: ["<", 0.1234567] }] } },
      "/rule/detail/n/0/numeric/1",
      "at most 6 digits after the point",
    ],
    [{ detail: { n: [9_007_199_254_740_992] } }, "/rule/detail/n/0", "JSON readers round"],
    [{ detail: { n: [Infinity] } }, "/rule/detail/n/0", "must be a number that a double keeps exactly"],
    [{ $or: { source: ["a"] } }, "/rule/$or", "array of at least 2 objects"],
    [{ $or: [{ source: ["a"] }] }, "/rule/$or", "array of at least 2 objects"],
    [{ $or: [{ source: ["a"] }, {}] }, "/rule/$or/1", "must not be empty"],
    [{ $or: [{ source: ["a"] }, "b"] }, "/rule/$or/1", "must be an object"],
    [{ detail: { $or: [{ a: ["a"] }, { prefix: ["b"] }] } }, "/rule/detail/$or/1/prefix", "is the name of an operator"],
  ])("%j", (pattern, pointer, words) => {
    expectFaults(rule(pattern), { [pointer]: words });
  });

  it.each(["=", "<", "<=", ">", ">=", "regex", "exactly", "equals-ignore-case"])(
    "a field named %s in a branch of $or, and nowhere else",
    (name) => {
      expectFaults(rule({ detail: { $or: [{ a: ["a"] }, { [name]: ["b"] }] } }), {
        [`/rule/detail/$or/1/${name}`]: "is the name of an operator, which no field in $or may have",
      });
      expect(faultsOf(rule({ detail: { [name]: ["b"], $or: [{ a: ["a"] }, { b: { [name]: ["b"] } }] } }))).toEqual([]);
    },
  );

  it("what is in the way of a member's attribute inside $or, where no field may be named like an operator", () => {
    const branches = { $or: [{ region: ["eu"] }, { source: ["a"] }] };
    expectFaults(rule(branches, { region: "prefix" }), { "/rule/$or/0/region": "is the name of an operator" });
    expect(faultsOf(rule(branches, { region: "prefixes" }))).toEqual([]);
    expect(faultsOf(rule({ region: ["eu"] }, { region: "prefix" }))).toEqual([]);
  });

  it("of several values each that is wrong, at its place", () => {
    expectFaults(rule({ source: ["a", { regex: "b" }, { prefix: 5 }, { cidr: "::/128" }, null, ["c"]] }), {
      "/rule/source/1/regex": "is no operator",
      "/rule/source/2/prefix": "must be a string",
      "/rule/source/3/cidr": "at most 127 bits",
      "/rule/source/5": "must be a string, a number",
    });
  });

  it("no number at the limits of its documentation", () => {
    expect(
      faultsOf(rule({ detail: { n: [{ numeric: [">=", -5e9, "<=", 5e9] }, { numeric: ["=", 0.123456] }] } })),
    ).toEqual([]);
    expect(faultsOf(rule({ detail: { n: [Number.MAX_SAFE_INTEGER] } }))).toEqual([]);
  });

  it.each([
    [{ region: "type" }, "/attributes/region", "must be an attribute that is free"],
    [{ region: "time" }, "/attributes/region", "must be an attribute that is free"],
    [{ region: "awsRegion" }, "/attributes/region", "must be named with a-z and 0-9 only"],
    [{ region: "data.region" }, "/attributes/region", "must be the name of an attribute"],
    [{ region: "data" }, "/attributes/region", "must be the name of an attribute"],
    [{ region: "a".repeat(65) }, "/attributes/region", "at most 64 characters"],
    [{ region: 5 }, "/attributes/region", "must be the name of an attribute"],
    [{ region: "x", account: "x" }, "/attributes/account", "must not share its place with region"],
    [{ resources: "x" }, "/attributes/resources", "is a list"],
    [{ source: "x" }, "/attributes/source", "whose names are account, region, version"],
    [[], "/attributes", "must be an object"],
  ])("attributes %j", (places, pointer, words) => {
    expectFaults(rule({ source: ["a"] }, places), { [pointer]: words });
  });

  it("more bytes than the limit, at the limit not", () => {
    const sized = (bytes: number): unknown => {
      // No single value may have so many.
      const values = Array.from({ length: 20 }, () => "a".repeat(3_000));
      const empty = JSON.stringify({ source: [...values, "", ""] }).length;
      const left = bytes - empty;
      return { source: [...values, "a".repeat(3_000), "a".repeat(left - 3_000)] };
    };
    expect(faultsOf(rule(sized(IMPORT_BYTES_MAX)))).toEqual([]);
    expectFaults(rule(sized(IMPORT_BYTES_MAX + 1)), { "/rule": `at most ${IMPORT_BYTES_MAX} bytes` });
  });
});

describe("importFilters() refuses of SNS", () => {
  it("message attributes that the caller has given no place, each of them", () => {
    expectFaults(attributes({ store: ["a"], price_usd: [{ numeric: [">", 1] }] }, { store: "store" }), {
      "/policy/price_usd": "data.price_usd",
    });
    expectFaults(attributes({ a: ["x"], $or: [{ b: ["y"] }, { c: ["z"] }] }), {
      "/policy/a": "is a message attribute, which a CloudEvent does not have",
      "/policy/$or/0/b": "is a message attribute",
      "/policy/$or/1/c": "is a message attribute",
    });
  });

  it.each([
    [[5]],
    [[true]],
    [[null]],
    [[{ numeric: ["=", 5] }]],
    [[{ "anything-but": [5] }]],
    [[{ "anything-but": 5 }]],
  ])("%j on an attribute of the event, whose type depends on how it came", (values) => {
    expectFaults(attributes({ a: values }, { a: "a" }), { "/policy/a": "must compare with strings only" });
    expect(faultsOf(attributes({ a: values }, { a: "data.a" }))).toEqual([]);
  });

  it("names of operators inside $or, as a message attribute and as where it goes", () => {
    const policy = { $or: [{ a: ["x"] }, { regex: ["y"] }] };
    expectFaults(attributes(policy, { a: "a", regex: "b" }), { "/policy/$or/1/regex": "is the name of an operator" });
    const other = { $or: [{ a: ["x"] }, { b: ["y"] }] };
    expectFaults(attributes(other, { a: "a", b: "suffix" }), { "/policy/$or/1/b": "is the name of an operator" });
    expect(faultsOf(attributes(other, { a: "a", b: "data.suffix" }))).toEqual([]);
  });

  it("strings that SNS wants escaped twice in message attributes, and not in bodies", () => {
    const policy = { a: ['say "x"', { prefix: "c:\\" }] };
    expectFaults(attributes(policy, { a: "a" }), {
      "/policy/a/0": "escaped twice",
      "/policy/a/1/prefix": "escaped twice",
    });
    expect(faultsOf(body(policy))).toEqual([]);
  });

  it("exists false on nothing but absent attributes: SNS does not match a message without any", () => {
    const places = { a: "a", b: "b" };
    expectFaults(attributes({ a: [{ exists: false }] }, places), {
      "/policy": "must ask for an attribute that is there",
    });
    expectFaults(attributes({ $or: [{ a: [{ exists: false }] }, { b: ["x"] }] }, places), {
      "/policy": "must ask for an attribute that is there",
    });
    expect(faultsOf(attributes({ a: [{ exists: false }], b: ["x"] }, places))).toEqual([]);
  });

  it("a nested policy on message attributes", () => {
    expectFaults(attributes({ a: { b: ["x"] } }, { a: "a" }), { "/policy/a": "must be an array of values" });
  });

  it("exists true where no pattern says what SNS means by it", () => {
    expectFaults(body({ $or: [{ a: [{ exists: true }] }, { b: ["x"] }] }), {
      "/policy/$or/0/a": "exists true inside $or",
    });
    expectFaults(body({ a: [{ exists: true }, { prefix: "x" }] }), { "/policy/a": "beside other operators" });
  });

  it("a branch of $or that names a field from outside", () => {
    expectFaults(body({ a: ["x"], $or: [{ a: ["y"] }, { b: ["z"] }] }), {
      "/policy/$or/0": "must not name a field that stands beside $or",
    });
    expectFaults(body({ a: { b: ["x"] }, $or: [{ c: ["y"] }, { $or: [{ a: { b: ["y"] } }, { d: ["z"] }] }] }), {
      "/policy/$or/1": "must not name a field that stands beside $or",
    });
    expect(faultsOf(body({ a: { b: ["x"] }, $or: [{ a: { c: ["y"] } }, { d: ["z"] }] }))).toEqual([]);
  });

  it("no field that only looks like one from outside, however deep the branches go on both sides", () => {
    const deep = (name: string): unknown => {
      let inner: unknown = { [name]: ["x"] };
      for (let level = 0; level < 50; level++) inner = { $or: [inner, { [`${name}${level}`]: ["x"] }] };
      return inner;
    };
    expect(faultsOf(body({ a: deep("m"), $or: [{ a: deep("n") }, { b: ["x"] }] }))).toEqual([]);
    expectFaults(body({ a: deep("m"), $or: [{ a: { $or: [{ m: ["y"] }, { n: ["x"] }] } }, { b: ["x"] }] }), {
      "/policy/$or/0": "must not name a field that stands beside $or",
    });
    expectFaults(body({ a: { b: ["x"] }, $or: [{ a: ["y"] }, { c: ["x"] }] }), {
      "/policy/$or/0": "must not name a field that stands beside $or",
    });
  });

  it.each([
    [{ a: [{ wildcard: "x*" }] }, "/policy/a/0/wildcard", "is no operator that SNS documents"],
    [{ a: [{ prefix: { "equals-ignore-case": "x" } }] }, "/policy/a/0/prefix", "must be a string"],
    [{ a: [{ "anything-but": { suffix: "x" } }] }, "/policy/a/0/anything-but", "one of prefix"],
    [{ a: [{ numeric: ["=", 1_000_000_001] }] }, "/policy/a/0/numeric/1", "within ±1000000000"],
    [{ a: [{ numeric: ["=", 0.123456] }] }, "/policy/a/0/numeric/1", "at most 5 digits"],
    [{ "a.b": ["x"] }, "/policy/a.b", "must not have a dot in its name"],
    [{ a: "x" }, "/policy/a", "must be an object of fields or an array of values"],
    [undefined, "/policy", "is required"],
  ])("%j", (policy, pointer, words) => {
    expectFaults(body(policy), { [pointer]: words });
  });

  it("a scope that is none, or not that of the subscription", () => {
    expectFaults({ from: "sns", policy: { a: ["x"] }, scope: "Body" }, { "/scope": "MessageAttributes, MessageBody" });
    const subscription = { FilterPolicy: '{"a":["x"]}', FilterPolicyScope: "MessageBody" };
    expectFaults({ from: "sns", policy: subscription, scope: "MessageAttributes" }, { "/scope": "FilterPolicyScope" });
    expectFaults(
      { from: "sns", policy: { Attributes: { ...subscription, FilterPolicyScope: "x" } } },
      {
        "/policy/Attributes/FilterPolicyScope": "MessageAttributes, MessageBody",
      },
    );
    expectFaults({ from: "sns", policy: { FilterPolicy: "x" } }, { "/policy/FilterPolicy": "must be JSON text" });
    expectFaults(
      { from: "sns", policy: { ...subscription, FilterPolicy: '{"a":[{"prefix":1}]}' } },
      {
        "/policy/FilterPolicy": "policy.FilterPolicy.a.0.prefix must be a string",
      },
    );
  });

  it("places that meet, or are none, and more than the limit", () => {
    expectFaults(attributes({ a: ["x"] }, { a: "data.a", b: "data.a.b" }), {
      "/attributes/b": "must not share its place",
    });
    expectFaults(attributes({ a: ["x"] }, { a: "data.a.b", b: "data.a" }), {
      "/attributes/b": "must not share its place with a",
    });
    expectFaults(attributes({ a: ["x"] }, { a: "data..a" }), {
      "/attributes/a": "a member of the data like data.color",
      "/policy/a": "is a message attribute",
    });
    expectFaults(attributes({}, { a: "data.$or" }), { "/attributes/a": "a member of the data" });
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, `a${index}`]));
    expect(faultsOf(attributes({ a0: ["x"] }, many(ATTRIBUTES_MAX)))).toEqual([]);
    expectFaults(attributes({}, many(ATTRIBUTES_MAX + 1)), { "/attributes": `at most ${ATTRIBUTES_MAX} entries` });
  });
});

describe("importFilters() refuses of Event Grid", () => {
  const started = { operatorType: "StringIn", key: "data.action", values: ["x"] };

  it("members of the data while arrays are not matched there, unless there are none", () => {
    expectFaults(grid({ advancedFilters: [started, started] }), {
      "/filter/enableAdvancedFilteringOnArrays": "must be true, or no_arrays of the request",
    });
    expect(faultsOf(grid({ advancedFilters: [started] }, { no_arrays: true }))).toEqual([]);
    expect(faultsOf(grid({ advancedFilters: [{ ...started, key: "subject" }] }))).toEqual([]);
  });

  it.each([
    ["Topic", "source"],
    ["dataVersion", "into the data"],
    ["eventTime", "into the data"],
    ["subject.x", "must begin with data"],
    ["data", "must name a member of the data"],
    ["data.", "must name a member of the data"],
    ["data.$or", "$or"],
    ["Unknown", "must be an attribute of a CloudEvent"],
    ["in", "must be a name in CESQL"],
    ["1a", "must be a name in CESQL"],
    [undefined, "must be a string"],
  ])("the key %s", (key, words) => {
    expectFaults(advanced({ ...started, key }), { "/filter/advancedFilters/0/key": words });
  });

  it("keys of one schema in the other", () => {
    const filter = { advancedFilters: [{ ...started, key: "source" }] };
    expectFaults(grid(filter, { schema: "EventGridSchema" }), { "/filter/advancedFilters/0/key": "Event Grid schema" });
    expectFaults(grid(filter, { schema: "CustomInputSchema" }), { "/schema": "EventGridSchema, CloudEventSchemaV1_0" });
    const eventType = { advancedFilters: [{ ...started, key: "eventType" }] };
    expectFaults(grid(eventType, { schema: "CloudEventSchemaV1_0" }), {
      "/filter/advancedFilters/0/key": "a CloudEvent",
    });
  });

  it("parts of strings in the data with letters, whose case a wildcard respects, at the value", () => {
    expectFaults(advanced({ ...started, operatorType: "StringContains", values: ["1", "azure"] }), {
      "/filter/advancedFilters/0/values/1": "write a wildcard by hand",
    });
    expectFaults(advanced({ ...started, operatorType: "StringNotContains", values: ["é"] }), {
      "/filter/advancedFilters/0/values/0": "write a wildcard by hand",
    });
  });

  it.each(["ß", "İ", "ſ", "ǅ", "ﬁ", "Σ", "ς"])("%s, which is not one letter in both cases", (letter) => {
    expectFaults(advanced({ ...started, values: ["a", letter] }), { "/filter/advancedFilters/0/values/1": letter });
    expectFaults(grid({ subjectEndsWith: letter }), { "/filter/subjectEndsWith": letter });
    expect(faultsOf(grid({ subjectEndsWith: letter, isSubjectCaseSensitive: true }))).toEqual([]);
  });

  it("numbers and booleans on attributes", () => {
    for (const key of ["subject", "ext"]) {
      expectFaults(
        advanced({ operatorType: "NumberIn", key, values: [1] }, { operatorType: "BoolEquals", key, value: true }),
        {
          "/filter/advancedFilters/0/operatorType": "must be an operator of strings",
          "/filter/advancedFilters/1/operatorType": "must be an operator of strings",
        },
      );
    }
  });

  it("NumberNotInRange alone: what becomes of events without the key is not said", () => {
    const notIn = { operatorType: "NumberNotInRange", key: "data.a", values: [[1, 2]] };
    expectFaults(advanced(notIn), { "/filter/advancedFilters/0": "IsNotNull" });
    expectFaults(advanced(notIn, { operatorType: "IsNotNull", key: "data.b" }), {
      "/filter/advancedFilters/0": "IsNotNull",
    });
    expectFaults(advanced(notIn, { operatorType: "NumberNotIn", key: "data.a", values: [5] }), {
      "/filter/advancedFilters/0": "IsNotNull",
    });
    expect(faultsOf(advanced(notIn, { operatorType: "NumberLessThan", key: "data.a", value: 9 }))).toEqual([]);
  });

  it("strings that CESQL has no certain literal for", () => {
    expectFaults(advanced({ ...started, key: "ext", values: ["a\\b", `'"`] }), {
      "/filter/advancedFilters/0/values/0": "backslash",
      "/filter/advancedFilters/0/values/1": "quotes",
    });
  });

  it.each([
    [{ ...started, values: [] }, "/values", "must not be empty"],
    [{ ...started, values: [1] }, "/values/0", "must be a string"],
    [{ ...started, values: "x" }, "/values", "must be an array"],
    [{ ...started, values: undefined }, "/values", "is required"],
    [{ ...started, value: "x" }, "/value", "this operator takes values"],
    [{ ...started, Operator: "x" }, "/Operator", "is not known"],
    [{ ...started, operatorType: "StringEquals" }, "/operatorType", "must be one of NumberIn"],
    [{ ...started, operatorType: "StringBeginsWith", values: [""] }, "/values/0", "must not be empty"],
    [{ ...started, values: ["a", "x".repeat(4_097)] }, "/values/1", "at most 4096 bytes"],
    [{ operatorType: "NumberIn", key: "data.a", values: ["1"] }, "/values/0", "must be a number"],
    [{ operatorType: "NumberIn", key: "data.a", values: [2 ** 53] }, "/values/0", "JSON readers round"],
    [{ operatorType: "NumberLessThan", key: "data.a", values: [1] }, "/values", "this operator takes value"],
    [{ operatorType: "NumberLessThan", key: "data.a" }, "/value", "is required"],
    [{ operatorType: "NumberLessThan", key: "data.a", value: "1" }, "/value", "must be a number"],
    [{ operatorType: "NumberInRange", key: "data.a", values: [[2, 1]] }, "/values/0", "must not begin above its end"],
    [{ operatorType: "NumberInRange", key: "data.a", values: [[1]] }, "/values/0", "array of two numbers"],
    [{ operatorType: "BoolEquals", key: "data.a", value: "true" }, "/value", "must be true or false"],
    [{ operatorType: "IsNotNull", key: "data.a", values: ["x"] }, "/values", "must be absent"],
  ])("%j", (filter, pointer, words) => {
    expectFaults(advanced(filter), { [`/filter/advancedFilters/0${pointer}`]: words });
  });

  it.each([
    [{ includedEventTypes: [] }, "/filter/includedEventTypes", "must not be empty"],
    [{ includedEventTypes: "All" }, "/filter/includedEventTypes", "must be an array"],
    [{ includedEventTypes: ["a", 5] }, "/filter/includedEventTypes/1", "must be a string"],
    [{ includedEventTypes: [""] }, "/filter/includedEventTypes/0", "must not be empty"],
    [{ includedEventTypes: ["x".repeat(4_097)] }, "/filter/includedEventTypes/0", "at most 4096 bytes"],
    [{ subjectBeginsWith: "x".repeat(4_097) }, "/filter/subjectBeginsWith", "at most 4096 bytes"],
    [
      { subjectEndsWith: "\ud800", isSubjectCaseSensitive: true },
      "/filter/subjectEndsWith",
      "must not hold lone surrogates",
    ],
    [{ subjectBeginsWith: 5 }, "/filter/subjectBeginsWith", "must be a string"],
    [{ isSubjectCaseSensitive: "yes" }, "/filter/isSubjectCaseSensitive", "must be true or false"],
    [{ advancedFilters: {} }, "/filter/advancedFilters", "must be an array"],
    [{ advancedFilters: ["x"] }, "/filter/advancedFilters/0", "must be an object"],
    [{ subjectContains: "x" }, "/filter/subjectContains", "is not known as a member of a filter"],
    [undefined, "/filter", "is required"],
  ])("%j", (filter, pointer, words) => {
    expectFaults(grid(filter), { [pointer]: words });
  });

  it("a flag that is none", () => {
    expectFaults(grid({}, { no_arrays: "yes" }), { "/no_arrays": "must be true or false" });
  });
});

describe("importFilters() refuses numbers that are others once they are read", () => {
  const asked = (text: string): readonly string[] => {
    const result = importFilters(JSON.parse(text), exactness(text));
    return result.ok ? [] : result.error.map(({ pointer, detail }) => `${pointer}: ${detail}`);
  };
  const WORDS = "must be a number that a double keeps exactly";

  it.each(["9007199254740993", "0.1000000000000000055", "1e400", "-1e400", "5000000000.0000000001", "1e-400"])(
    "%s, wherever it is compared with",
    (number) => {
      const values = `[${number},{"numeric":[">",${number}]},{"anything-but":[1,${number}]}]`;
      const places = ["0", "1/numeric/1", "2/anything-but/1"];
      const expected = (start: string, name: string) =>
        places.map(
          (place) => `${start}/${place}: ${name}.${place.replaceAll("/", ".")} ${WORDS}, as RFC 8259 §6 advises`,
        );
      expect(asked(`{"from":"eventbridge","rule":{"detail":{"n":${values}}}}`)).toEqual(
        expected("/rule/detail/n", "rule.detail.n"),
      );
      expect(asked(`{"from":"sns","scope":"MessageBody","policy":{"n":${values}}}`)).toEqual(
        expected("/policy/n", "policy.n"),
      );
      const filter = `{"operatorType":"NumberIn","key":"data.n","values":[1,${number}]}`;
      const range = `{"operatorType":"NumberInRange","key":"data.n","values":[[-9,${number}]]}`;
      expect(
        asked(`{"from":"eventgrid","no_arrays":true,"filter":{"advancedFilters":[${filter},${range}]}}`).map((fault) =>
          fault.slice(0, fault.indexOf(":")),
        ),
      ).toEqual(["/filter/advancedFilters/0/values/1", "/filter/advancedFilters/1/values/0"]);
    },
  );

  it("in JSON text too, whoever asks", () => {
    const pattern = '{"detail":{"n":[{"numeric":["<",0.1000000000000000055]},1]}}';
    expectFaults(rule({ EventPattern: pattern }), {
      "/rule/EventPattern": `rule.EventPattern.detail.n.0.numeric.1 ${WORDS}`,
    });
    const policy = { FilterPolicy: '{"n":[1e400]}', FilterPolicyScope: "MessageBody" };
    expectFaults({ from: "sns", policy }, { "/policy/FilterPolicy": `policy.FilterPolicy.n.0 ${WORDS}` });
    expectFaults(
      { from: "sns", policy: { Attributes: { ...policy, SubscriptionArn: "arn" } } },
      {
        "/policy/Attributes/FilterPolicy": WORDS,
      },
    );
  });

  it("but not those that are kept, however they are written", () => {
    const values = '[0.1,300.0,3.0e2,-0,{"numeric":[">",1e-6,"<=",5.000e9]},{"anything-but":[0.123456]}]';
    expect(asked(`{"from":"eventbridge","rule":{"detail":{"n":${values}}}}`)).toEqual([]);
  });
});
