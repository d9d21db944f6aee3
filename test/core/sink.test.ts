// The sink policy: every spelling of an address that is not public is refused, whatever the parser lets one write.
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  SINK_CHARS_MAX,
  SINK_HEADER_NAME_CHARS_MAX,
  SINK_HEADER_VALUE_CHARS_MAX,
  SINK_HEADERS_MAX,
} from "../../src/core/limits.ts";
import { decodeAnswer, encodeQuestion } from "../../src/core/dns.ts";
import { addressRefusal, checkSink, checkSinkHeaders, nameToResolve, type SinkPolicy } from "../../src/core/sink.ts";
import { addressRecords, encodeAddress, encodeAnswer } from "../doh.ts";

interface Vector {
  readonly url: string;
  readonly allowInsecure: boolean;
  readonly publicHost?: string;
  readonly ok: boolean;
  readonly why: string;
}

const vectors: readonly Vector[] = JSON.parse(
  readFileSync(new URL("../vectors/sinks.json", import.meta.url).pathname, "utf8"),
);
const STRICT = { allowInsecure: false, publicHost: null };
const INSECURE = { allowInsecure: true, publicHost: null };

const octet = fc.nat(255);
const address = (first: fc.Arbitrary<number>, second = octet) => fc.tuple(first, second, octet, octet);
type Address = readonly [number, number, number, number];
const is = (value: number) => fc.constant(value);
const loopback = address(is(127));
const closed: fc.Arbitrary<Address> = fc.oneof(
  address(fc.constantFrom(0, 10)),
  address(is(100), fc.integer({ min: 64, max: 127 })),
  address(is(169), is(254)),
  address(is(172), fc.integer({ min: 16, max: 31 })),
  address(is(192), is(168)),
  address(is(198), fc.integer({ min: 18, max: 19 })),
  address(fc.integer({ min: 224, max: 255 })),
);

const whole = ([a, b, c, d]: Address) => a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
const low = (parts: Address) => `${hex(parts[0] * 256 + parts[1], 4)}:${hex(parts[2] * 256 + parts[3], 4)}`;

/** Ways to write one IPv4 address, all of which a URL parser understands. */
const SPELLINGS: Readonly<Record<string, (parts: Address) => string>> = {
  dotted: (parts) => parts.join("."),
  decimal: (parts) => `${whole(parts)}`,
  hex: (parts) => `0x${whole(parts).toString(16)}`,
  octal: (parts) => `0${whole(parts).toString(8)}`,
  "dotted hex": (parts) => parts.map((part) => `0X${part.toString(16)}`).join("."),
  "dotted octal": (parts) => parts.map((part) => `00${part.toString(8)}`).join("."),
  "two parts": ([a, b, c, d]) => `${a}.${b * 2 ** 16 + c * 2 ** 8 + d}`,
  "three parts": ([a, b, c, d]) => `${a}.0x${b.toString(16)}.${c * 2 ** 8 + d}`,
  "trailing dot": (parts) => `${parts.join(".")}.`,
  "percent-encoded": (parts) => parts.join(".").replace(/./g, (char) => `%${hex(char.charCodeAt(0), 2)}`),
  "full width": (parts) =>
    parts.join("。").replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) - 0x30 + 0xff10)),
};
/** Ways to carry it in an IPv6 address. */
const CARRIERS: Readonly<Record<string, (parts: Address) => string>> = {
  mapped: (parts) => `[::ffff:${parts.join(".")}]`,
  "mapped hex": (parts) => `[0:0:0:0:0:FFFF:${low(parts)}]`,
  compatible: (parts) => `[::${parts.join(".")}]`,
  translated: (parts) => `[64:ff9b::${low(parts)}]`,
  "translated locally": (parts) => `[64:ff9b:1::${low(parts)}]`,
  "6to4": (parts) => `[2002:${low(parts)}::1]`,
  Teredo: (parts) => `[2001:0:${low(parts)}::1]`,
};
const spelling = fc.constantFrom(...Object.keys(SPELLINGS));
const carrier = fc.constantFrom(...Object.keys(CARRIERS));
const write = (forms: typeof SPELLINGS, name: string, parts: Address) => forms[name]?.(parts) ?? "";

describe("checkSink()", () => {
  it.each(vectors)("$why: $url (insecure: $allowInsecure)", ({ url, allowInsecure, publicHost = null, ok }) => {
    expect(checkSink(url, { allowInsecure, publicHost })).toMatchObject({ ok });
  });

  it("refuses loopback and private addresses in every spelling", () => {
    fc.assert(
      fc.property(fc.oneof(loopback, closed), spelling, (parts, form) => {
        expect(checkSink(`https://${write(SPELLINGS, form, parts)}/`, STRICT).ok).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it("refuses every IPv6 address that carries an IPv4 address, with and without allowInsecure", () => {
    fc.assert(
      fc.property(fc.oneof(loopback, closed, address(octet)), carrier, (parts, form) => {
        // ::0.0.0.1 is ::1, which is loopback in its own right.
        fc.pre(form !== "compatible" || whole(parts) !== 1);
        const url = `https://${write(CARRIERS, form, parts)}/`;
        expect(checkSink(url, STRICT).ok).toBe(false);
        expect(checkSink(url, INSECURE).ok).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it("lets every spelling of 127/8 pass with allowInsecure, and no other address that is not public", () => {
    fc.assert(
      fc.property(loopback, closed, spelling, (near, far, form) => {
        expect(checkSink(`http://${write(SPELLINGS, form, near)}:9001/`, INSECURE).ok).toBe(true);
        expect(checkSink(`http://${write(SPELLINGS, form, far)}:9001/`, INSECURE).ok).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it("takes every spelling of a public address, and writes it in one way", () => {
    fc.assert(
      fc.property(address(is(8)), spelling, (parts, form) => {
        const result = checkSink(`https://${write(SPELLINGS, form, parts)}/x`, STRICT);
        expect(result).toEqual({ ok: true, value: `https://${parts.join(".")}/x` });
      }),
    );
  });

  it("refuses all of IPv6 outside 2000::/3", () => {
    fc.assert(
      fc.property(fc.nat(0xffff), fc.array(fc.nat(0xffff), { minLength: 7, maxLength: 7 }), (first, rest) => {
        fc.pre(first < 0x2000 || first > 0x3fff);
        const url = `https://[${[first, ...rest].map((group) => group.toString(16)).join(":")}]/`;
        expect(checkSink(url, STRICT).ok).toBe(false);
      }),
    );
  });

  it("answers what it accepts again, unchanged, and never throws", () => {
    const near = vectors.map(({ url }) => url);
    const mixed = fc.tuple(fc.constantFrom(...near), fc.string({ maxLength: 5 })).map(([url, text]) => url + text);
    fc.assert(
      fc.property(fc.oneof(fc.string(), mixed), fc.boolean(), (url, allowInsecure) => {
        const policy = { allowInsecure, publicHost: "events.example.com" };
        const result = checkSink(url, policy);
        if (result.ok) expect(checkSink(result.value, policy)).toEqual(result);
      }),
      { numRuns: 500 },
    );
  });

  it("takes as many characters as the limit, not one more, also when encoding adds them", () => {
    const padded = (chars: number) => "https://example.com/".padEnd(chars, "a");
    expect(checkSink(padded(SINK_CHARS_MAX), STRICT).ok).toBe(true);
    expect(checkSink(padded(SINK_CHARS_MAX + 1), STRICT)).toEqual({
      ok: false,
      error: `must have at most ${SINK_CHARS_MAX} characters`,
    });
    expect(checkSink(`https://example.com/${"é".repeat(SINK_CHARS_MAX / 6)}`, STRICT)).toMatchObject({ ok: false });
  });

  it("names the rule, and nothing of the URL that may be secret", () => {
    const detail = (url: string, policy: SinkPolicy = STRICT) => {
      const result = checkSink(url, policy);
      return result.ok ? null : result.error;
    };
    expect(detail("https://10.1.2.3/token")).toBe("must have a public address: 10.0.0.0/8 is private");
    expect(detail("https://[fe80::1]/token")).toBe("must have a public address: fe80::/10 is link-local");
    expect(detail("http://example.com/token")).toBe("must be an https URL");
    expect(detail("ftp://example.com/token", INSECURE)).toBe("must be an http or https URL");
    expect(detail("https://me:token@example.com/")).toBe("must not hold credentials, headers are for them");
    expect(detail("https://db.internal/token")).toBe("must have a public host: names under internal are local");
    expect(detail("https://intranet/token")).toBe("must have a public host: it has no dot");
    expect(detail("https://a.example/token", { ...STRICT, publicHost: "A.example" })).toBe(
      "must not be Fantail itself",
    );
  });
});

/** The address as a resolver's answer gives it back. */
function resolved(literal: string): string {
  const question = encodeQuestion("sink.example", "A") ?? expect.fail();
  const answer = decodeAnswer(encodeAnswer(question, addressRecords({ addresses: [literal] })), question);
  const [text = expect.fail()] = answer.ok ? answer.value : [];
  return text;
}

/** The IANA special-purpose registries of IPv4 and IPv6, multicast and reserved, and what carries IPv4 in IPv6. */
const CLOSED_BLOCKS = (
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 " +
  "192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 ::/128 ::1/128 ::ffff:0:0/96 " +
  "::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:2::/48 2001:10::/28 " +
  "2001:20::/28 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8"
).split(" ");

/** The bytes of an address of the block: those behind its length by chance. */
function within(block: string): fc.Arbitrary<readonly number[]> {
  const [first = "", length] = block.split("/");
  const fixed = [...encodeAddress(first)];
  return fc.array(octet, { minLength: fixed.length, maxLength: fixed.length }).map((chance) =>
    fixed.map((byte, index) => {
      const openBits = Math.min(8, Math.max(0, (index + 1) * 8 - Number(length)));
      return byte + ((chance[index] ?? 0) % 2 ** openBits);
    }),
  );
}

const groupsOf = (bytes: readonly number[]): number[] =>
  Array.from({ length: bytes.length / 2 }, (_, index) => (bytes[2 * index] ?? 0) * 256 + (bytes[2 * index + 1] ?? 0));
const plain = (bytes: readonly number[]) =>
  groupsOf(bytes)
    .map((group) => group.toString(16))
    .join(":");

/** Ways to write an IPv6 address. */
const V6_SPELLINGS: readonly ((bytes: readonly number[]) => string)[] = [
  plain,
  (bytes) =>
    groupsOf(bytes)
      .map((group) => hex(group, 4).toUpperCase())
      .join(":"),
  (bytes) => `${plain(bytes.slice(0, 12))}:${bytes.slice(12).join(".")}`,
  // The parser shortens what it can.
  (bytes) => new URL(`http://[${plain(bytes)}]`).hostname.slice(1, -1),
];

describe("addressRefusal()", () => {
  it("judges what a resolver answers as it judges what a URL says: all addresses of the vectors", () => {
    const judged = vectors.filter(({ url, allowInsecure, publicHost }) => {
      const parsed = URL.parse(url);
      if (parsed === null || parsed.username + parsed.password !== "" || parsed.href.includes("#")) return false;
      const isCalled = parsed.protocol === "https:" || (allowInsecure && parsed.protocol === "http:");
      return isCalled && publicHost === undefined && /^(\d+(\.\d+){3}\.?|\[.+\])$/.test(parsed.hostname);
    });
    expect(judged.length).toBeGreaterThan(300);
    for (const { url, allowInsecure, ok, why } of judged) {
      const answered = resolved(new URL(url).hostname.replace(/^\[|\]$|\.$/g, ""));
      expect(addressRefusal(answered, { allowInsecure }) === null, `${why}: ${url}`).toBe(ok);
    }
  });

  it.each(CLOSED_BLOCKS)("refuses every address of %s, in every spelling and as an answer", (block) => {
    const isV6 = block.includes(":");
    const policy = fc.constantFrom(STRICT, INSECURE);
    fc.assert(
      fc.property(within(block), spelling, fc.nat(V6_SPELLINGS.length - 1), policy, (bytes, form, form6, sinks) => {
        const isLoopback = block === "127.0.0.0/8" || block === "::1/128";
        const [a = 0, b = 0, c = 0, d = 0] = bytes;
        const host = isV6 ? `[${V6_SPELLINGS[form6]?.(bytes)}]` : write(SPELLINGS, form, [a, b, c, d]);
        const answered = resolved(isV6 ? host.slice(1, -1) : bytes.join("."));
        const expected = isLoopback && sinks.allowInsecure;
        expect(checkSink(`https://${host}/`, sinks).ok, host).toBe(expected);
        expect(addressRefusal(answered, sinks) === null, answered).toBe(expected);
      }),
    );
  });

  it("names the block and its rule, and refuses what is no address", () => {
    expect(addressRefusal("10.1.2.3", STRICT)).toBe("10.0.0.0/8 is private");
    expect(addressRefusal("0:0:0:0:0:ffff:808:808", INSECURE)).toBe("::ffff:0:0/96 is mapped IPv4");
    for (const text of ["", "example.com", "8.8.8", "8.8.8.8.", "localhost"])
      expect(addressRefusal(text, INSECURE), text).toBe("it cannot be read");
  });
});

describe("nameToResolve()", () => {
  it.each([
    ["https://sink.example/", "sink.example"],
    ["https://sink.example.:8443/x", "sink.example"],
    ["https://bücher.example/", "xn--bcher-kva.example"],
    ["https://0x7f.example/", "0x7f.example"],
    ["https://8.8.8.8/", null],
    ["https://134744072./", null],
    ["https://[2606:4700::1]:8443/", null],
    ["http://localhost:8787/", null],
    ["http://LOCALHOST./", null],
  ])("finds in %s the name %s", (url, name) => {
    expect(nameToResolve(url)).toBe(name);
  });
});

describe("checkSinkHeaders()", () => {
  const pointersOf = (value: unknown) => {
    const result = checkSinkHeaders(value, "/headers");
    return result.ok ? [] : result.error.map(({ pointer }) => pointer);
  };

  it("takes headers and writes their names in lower case", () => {
    const value = { "X-Team": "billing", Authorization: "Bearer a b\tc", "x!#$%&'*+.^_`|~9": "~" };
    expect(checkSinkHeaders(value, "/headers")).toEqual({
      ok: true,
      value: { "x-team": "billing", authorization: "Bearer a b\tc", "x!#$%&'*+.^_`|~9": "~" },
    });
    expect(checkSinkHeaders({}, "/headers")).toEqual({ ok: true, value: {} });
  });

  it.each([null, undefined, "x-a: b", ["x-a", "b"], 1])("refuses what is no object: %j", (value) => {
    expect(pointersOf(value)).toEqual(["/headers"]);
  });

  it.each(
    (
      "host content-type content-length content-encoding content- webhook-id webhook-signature ce-id ce-x fantail-attempt " +
      "fantail-hops connection keep-alive proxy-authorization proxy-connection te trailer transfer-encoding upgrade " +
      "http2-settings expect accept-encoding user-agent traceparent tracestate cf-connecting-ip cf-worker cdn-loop x-real-ip"
    ).split(" "),
  )("refuses a name that is not a subscription's to set, in any case: %s", (name) => {
    expect(pointersOf({ [name]: "x" })).toEqual([`/headers/${name}`]);
    expect(pointersOf({ [name.toUpperCase()]: "x" })).toEqual([`/headers/${name.toUpperCase()}`]);
  });

  it.each(["accept", "authorization", "cookie", "x-content-type", "hostname", "x-host", "cecilia", "te-x", "cfx"])(
    "takes a name that only resembles one: %s",
    (name) => {
      expect(pointersOf({ [name]: "x" })).toEqual([]);
    },
  );

  it.each(["", " ", "a b", "a:", ":authority", "a\n", "a\0", "(a)", "é", "x-to\u212Aen", 'a"', "a,b", "{a}"])(
    "refuses a name that is no token: %j",
    (name) => {
      expect(pointersOf({ [name]: "x" })).toHaveLength(1);
    },
  );

  it.each(["", " ", " a", "a ", "\ta", "a\t", "a\r\nb: c", "a\nb", "a\rb", "a\0b", "é", "…", "a\u007fb", "a\u0080"])(
    "refuses a value that is not visible ASCII with spaces and tabs between: %j",
    (value) => {
      expect(pointersOf({ "x-a": value })).toEqual(["/headers/x-a"]);
    },
  );

  it.each([1, null, true, ["a"], { toString: 1, valueOf: 1 }])("refuses a value that is no string: %j", (value) => {
    expect(pointersOf({ "x-a": value })).toEqual(["/headers/x-a"]);
  });

  it("refuses the same name twice, where only case differs", () => {
    expect(pointersOf({ "X-A": "1", "x-b": "2", "x-a": "3" })).toEqual(["/headers/x-a"]);
    expect(pointersOf({ "x-a": "1", "X-A": "2" })).toEqual(["/headers/X-A"]);
  });

  it("tells all faults, escapes names in pointers, and repeats no value", () => {
    const result = checkSinkHeaders({ "a/b~": "s3cret", host: "s3cret", "x-a": "s3cret\n", "x-b": "fine" }, "/headers");
    expect(pointersOf({ "a/b~": "1", host: "2", "x-a": "3\n" })).toEqual([
      "/headers/a~1b~0",
      "/headers/host",
      "/headers/x-a",
    ]);
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).not.toContain("s3cret");
  });

  it("keeps a name that every object inherits", () => {
    const result = checkSinkHeaders(JSON.parse('{"__proto__": "a", "constructor": "b"}'), "/headers");
    expect(result.ok && Object.entries(result.value)).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  it("takes as many headers, and as long ones, as the limits, not one more", () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, "a"]));
    expect(pointersOf(many(SINK_HEADERS_MAX))).toEqual([]);
    expect(pointersOf(many(SINK_HEADERS_MAX + 1))).toEqual(["/headers"]);
    expect(pointersOf({ ["a".repeat(SINK_HEADER_NAME_CHARS_MAX)]: "a" })).toEqual([]);
    expect(pointersOf({ ["a".repeat(SINK_HEADER_NAME_CHARS_MAX + 1)]: "a" })).toHaveLength(1);
    expect(pointersOf({ "x-a": "a".repeat(SINK_HEADER_VALUE_CHARS_MAX) })).toEqual([]);
    expect(pointersOf({ "x-a": "a".repeat(SINK_HEADER_VALUE_CHARS_MAX + 1) })).toEqual(["/headers/x-a"]);
  });
});
