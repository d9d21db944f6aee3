/** IP addresses and networks in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3), as the `cidr` operator of patterns reads them. */
import { err, ok, type Result } from "../result.ts";

/** 16-bit groups of an address: two of IPv4, eight of IPv6. */
export type Address = readonly number[];

export interface Network {
  readonly address: Address;
  readonly bits: number;
}

const V6_GROUPS = 8;

/** The address that a text is, null when it is none. Without zone identifiers, and IPv4 without leading zeros, which some read as octal. */
export function addressOf(text: string): Address | null {
  // No address is longer, and most values of events are none.
  if (text.length < 2 || text.length > 45) return null;
  return text.includes(":") ? readV6(text) : readV4(text);
}

function readV4(text: string): Address | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  const octets = match.slice(1).map(Number);
  if (match.slice(1).some((octet, index) => Number(octet) > 255 || String(octets[index]) !== octet)) return null;
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  return [a * 256 + b, c * 256 + d];
}

function readV6(text: string): Address | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half, index) => readGroups(half, index === halves.length - 1));
  if (head === undefined || head === null || tail === null) return null;
  if (tail === undefined) return head.length === V6_GROUPS ? head : null;
  const missing = V6_GROUPS - head.length - tail.length;
  return missing < 1 ? null : [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

/** Groups of hexadecimal digits with colons between them; the last may be an IPv4 address, which is two groups. */
function readGroups(text: string, isLast: boolean): Address | null {
  if (text === "") return [];
  const words = text.split(":");
  const groups: number[] = [];
  for (const [index, word] of words.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(word)) groups.push(Number.parseInt(word, 16));
    else {
      const v4 = isLast && index === words.length - 1 ? readV4(word) : null;
      if (v4 === null) return null;
      groups.push(...v4);
    }
  }
  return groups;
}

/**
 * The network that a text `address/bits` states. The error says what it must be, as words for a fault. A network of one address is refused, as
 * the reference does: an exact value says the same.
 */
export function parseCidr(text: string): Result<Network, string> {
  const [head = "", bitsText = "", ...others] = text.split("/");
  const address = addressOf(head);
  if (address === null || others.length > 0 || !/^\d{1,3}$/.test(bitsText))
    return err("must be a network like 10.0.0.0/8 or 2001:db8::/32");
  const bits = Number(bitsText);
  const max = address.length * 16 - 1;
  if (bits > max) return err(`must have at most ${max} bits in its mask`);
  return ok({ address: masked(address, bits), bits });
}

/** The first bits of the address, with zeros behind them. */
function masked(address: Address, bits: number): Address {
  return address.map((group, index) => group & groupMask(bits - index * 16));
}

const groupMask = (bits: number): number => (bits >= 16 ? 0xffff : bits <= 0 ? 0 : (0xffff << (16 - bits)) & 0xffff);

/** Whether the address is of the network. Of IPv4 and IPv6 neither is ever in the other. */
export function within(network: Network, address: Address): boolean {
  if (network.address.length !== address.length) return false;
  return network.address.every(
    (group, index) => ((address[index] ?? 0) & groupMask(network.bits - index * 16)) === group,
  );
}

/** The bits of an address as a text of `0` and `1`, behind the version of the protocol. */
export const addressKey = (address: Address): string =>
  address.reduce((key, group) => key + group.toString(2).padStart(16, "0"), address.length === V6_GROUPS ? "6" : "4");

/** A text for each network, the same for equal ones: what the keys of its addresses, and of no others, begin with. */
export const networkKey = ({ address, bits }: Network): string => addressKey(address).slice(0, 1 + bits);
