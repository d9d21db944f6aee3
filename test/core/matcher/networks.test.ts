// Networks as a place of the index finds them, against `within` for each network of a list.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressOf, type Network, parseCidr, within } from "../../../src/core/filters/cidr.ts";
import { Place } from "../../../src/core/matcher/place.ts";
import { entryNamed, found } from "./structure.ts";

// Few bits that differ, at both ends and in the middle: so addresses meet, and networks lie in one another.
const octet = fc.constantFrom(0, 1, 127, 128, 255);
const group = fc.constantFrom("0", "1", "7fff", "8000", "ffff");
const v4 = fc.array(octet, { minLength: 4, maxLength: 4 }).map((octets) => octets.join("."));
const v6 = fc.oneof(
  fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(":")),
  fc.tuple(group, group).map(([first, last]) => `${first}::${last}`),
  v4.map((text) => `::ffff:${text}`),
  fc.constant("::"),
);
const networks = fc.oneof(
  fc.tuple(v4, fc.nat(31)).map(([address, bits]) => networkOf(`${address}/${bits}`)),
  fc.tuple(v6, fc.nat(127)).map(([address, bits]) => networkOf(`${address}/${bits}`)),
);
const values = fc.oneof(v4, v4, v6, v6, fc.constantFrom("", "0", "1.2.3", "0.0.0.0.0", "01.2.3.4", ":::", "a.b.c.d"));

function networkOf(text: string): Network {
  const parsed = parseCidr(text);
  if (!parsed.ok) throw new Error(`${text} ${parsed.error}`);
  return parsed.value;
}

const isWithin = (network: Network, value: string): boolean => {
  const address = addressOf(value);
  return address !== null && within(network, address);
};

describe("networks of a place", () => {
  it("are found by their addresses, and a drop leaves the others", () => {
    fc.assert(
      fc.property(
        fc.array(networks, { maxLength: 15 }),
        fc.array(fc.nat(), { maxLength: 15 }),
        fc.array(values, { minLength: 1, maxLength: 10 }),
        (list, places, asked) => {
          let isEmpty = true;
          const place = new Place(() => {
            isEmpty = true;
          });
          const entries = list.map((network, id) => {
            isEmpty = false;
            return { network, id, drop: entryNamed(String(id), place.bucket({ kind: "network", network })) };
          });
          let mark = 0;
          const check = (): void => {
            for (const value of asked) {
              mark += 1;
              const expected = entries.filter(({ network }) => isWithin(network, value)).map(({ id }) => String(id));
              expect(found(mark, (hits) => place.look(value, hits))).toEqual(expected.toSorted());
            }
          };
          check();
          for (const at of places) {
            for (const { drop } of entries.splice(at % (entries.length + 1), 1)) drop();
            check();
          }
          for (const { drop } of entries.splice(0)) drop();
          check();
          expect(isEmpty).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ["0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::ffff:1.2.3.4", ""]],
    ["::/0", ["::", "ffff::", "::ffff:1.2.3.4"], ["0.0.0.0", "255.255.255.255"]],
    ["10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0", "a00::"]],
    ["10.0.0.128/31", ["10.0.0.128", "10.0.0.129"], ["10.0.0.127", "10.0.0.130"]],
    ["2001:db8::/33", ["2001:db8::", "2001:db8:7fff::1"], ["2001:db8:8000::", "2001:db9::"]],
    ["::2/127", ["::2", "::3"], ["::1", "::4", "0.0.0.2"]],
  ])("%s", (text, yes, no) => {
    const place = new Place(() => undefined);
    entryNamed("it", place.bucket({ kind: "network", network: networkOf(text) }));
    const isFound = (value: string, index: number) => found(index + 1, (hits) => place.look(value, hits)).length === 1;
    expect([...yes, ...no].filter(isFound)).toEqual(yes);
  });

  it("have one bucket when they are equal, and their own otherwise", () => {
    const place = new Place(() => undefined);
    const bucket = (text: string) => place.bucket({ kind: "network", network: networkOf(text) });
    expect(bucket("10.0.0.0/8")).toBe(bucket("10.1.2.3/8"));
    expect(bucket("::/8")).toBe(bucket("0:0::0/8"));
    const all = ["10.0.0.0/8", "10.0.0.0/9", "0.0.0.0/0", "::/0", "0.0.0.0/1", "::/1", "::/31", "0.0.0.0/31"];
    expect(new Set(all.map(bucket)).size).toBe(all.length);
  });
});
