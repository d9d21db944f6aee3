/**
 * Which URLs and addresses are called, and with which headers of the subscription's own. It judges what it is given and looks no name up:
 * what a name resolves to is known at the moment of a push, to whoever has a resolver (`src/resolver.ts`).
 */
import { SINK_CHARS_MAX, SINK_HEADER_NAME_CHARS_MAX, SINK_HEADER_VALUE_CHARS_MAX, SINK_HEADERS_MAX } from "./limits.ts";
import { type Fault, memberPointer } from "./problem.ts";
import { err, ok, type Result } from "./result.ts";
import { atMost, faultAt, GIVEN_ONCE, longName, mustBe, NOT_EMPTY } from "./words.ts";

export interface SinkPolicy {
  /** Lets `http:` and loopback pass, and nothing else. */
  readonly allowInsecure: boolean;
  /** The host under which Fantail itself is reached, null when it is not known. */
  readonly publicHost: string | null;
}

/**
 * Address blocks that are not called, with what the detail says. IPv4: the IANA special-purpose registry (RFC 6890), multicast and
 * reserved. IPv6: only global unicast (2000::/3, RFC 4291 §2.4) is called, and of it nothing that carries an IPv4 address, so that no
 * private one comes in through a mapping or a tunnel.
 */
const REFUSED_BLOCKS = [
  ["0.0.0.0/8", "this network"],
  ["10.0.0.0/8", "private"],
  ["100.64.0.0/10", "shared by carriers"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local"],
  ["172.16.0.0/12", "private"],
  ["192.0.0.0/24", "protocol assignments"],
  ["192.0.2.0/24", "documentation"],
  ["192.88.99.0/24", "6to4 relays"],
  ["192.168.0.0/16", "private"],
  ["198.18.0.0/15", "benchmarking"],
  ["198.51.100.0/24", "documentation"],
  ["203.0.113.0/24", "documentation"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved"],
  ["::1/128", "loopback"],
  ["::ffff:0:0/96", "mapped IPv4"],
  ["::/96", "unspecified or IPv4-compatible"],
  ["64:ff9b::/96", "translated IPv4"],
  ["64:ff9b:1::/48", "translated IPv4"],
  ["100::/64", "discarded"],
  ["fc00::/7", "private"],
  ["fe80::/10", "link-local"],
  ["fec0::/10", "site-local"],
  ["ff00::/8", "multicast"],
  ["::/3", "not global unicast"],
  ["4000::/2", "not global unicast"],
  ["8000::/1", "not global unicast"],
  ["2001::/32", "Teredo"],
  ["2001::/23", "protocol assignments"],
  ["2001:db8::/32", "documentation"],
  ["2002::/16", "6to4"],
  ["3fff::/20", "documentation"],
] as const;

/** Each block with the bits that its addresses begin with. */
const BLOCKS = REFUSED_BLOCKS.map(([block, rule]) => {
  const [address = "", length] = block.split("/");
  return { block, rule, bits: bitsOf(address)?.slice(0, 1 + Number(length)) ?? "" };
});

/** Names that are never public: RFC 6761, RFC 6762 (local), RFC 7686 (onion), RFC 8375 (home.arpa), ICANN's reserved `internal`. */
const REFUSED_SUFFIXES = ["localhost", "local", "internal", "home.arpa", "onion"];

/**
 * The URL as it is to be called, normalised by the WHATWG URL parser, which also resolves every spelling of an IPv4 address; or the rule
 * that forbids it, to be read after `sink`. Checking a result again gives the same.
 */
export function checkSink(url: string, policy: SinkPolicy): Result<string, string> {
  if (url.length > SINK_CHARS_MAX) return err(atMost(SINK_CHARS_MAX, "characters"));
  const parsed = URL.parse(url);
  if (parsed === null) return err("must be an absolute URL");
  if (parsed.protocol !== "https:" && !(policy.allowInsecure && parsed.protocol === "http:"))
    return err(`must be an ${policy.allowInsecure ? "http or https" : "https"} URL`);
  if (parsed.username !== "" || parsed.password !== "") return err("must not hold credentials, headers are for them");
  if (parsed.href.includes("#")) return err("must not have a fragment, it is never sent");
  // The parser writes some characters as several.
  if (parsed.href.length > SINK_CHARS_MAX) return err(`${atMost(SINK_CHARS_MAX, "characters")} when it is encoded`);
  const refused = hostRefusal(parsed.hostname, policy);
  return refused === null ? ok(parsed.href) : err(refused);
}

/** The name to look up before a URL that `checkSink` gave is called; null when it holds an address, or is localhost. */
export function nameToResolve(url: string): string | null {
  const host = withoutDot(new URL(url).hostname);
  return host === "localhost" || isAddress(host) ? null : host;
}

/** The block and its rule that forbid to call an address, null when it is public. What is no address has no block, and is refused. */
export function addressRefusal(address: string, { allowInsecure }: Pick<SinkPolicy, "allowInsecure">): string | null {
  const bits = bitsOf(address);
  if (bits === null) return "it cannot be read";
  const found = BLOCKS.find((block) => bits.startsWith(block.bits));
  if (found === undefined || (allowInsecure && found.rule === "loopback")) return null;
  return `${found.block} is ${found.rule}`;
}

function hostRefusal(hostname: string, { allowInsecure, publicHost }: SinkPolicy): string | null {
  const host = withoutDot(hostname);
  if (publicHost !== null && host === withoutDot(URL.parse(`https://${publicHost}`)?.hostname ?? ""))
    return "must not be Fantail itself";
  if (isAddress(host)) {
    const refused = addressRefusal(host, { allowInsecure });
    return refused === null ? null : `must have a public address: ${refused}`;
  }
  if (allowInsecure && host === "localhost") return null;
  const labels = host.split(".");
  if (labels.includes("")) return "must have a public host: no label is empty";
  const suffix = REFUSED_SUFFIXES.find((name) => host === name || host.endsWith(`.${name}`));
  if (suffix !== undefined) return `must have a public host: names under ${suffix} are local`;
  return labels.length === 1 ? "must have a public host: it has no dot" : null;
}

function isAddress(host: string): boolean {
  return bitsOf(host) !== null;
}

function withoutDot(host: string): string {
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

/** The bits of an address as the URL parser writes it, behind a digit that tells IPv4 from IPv6; null for a name. */
function bitsOf(host: string): string | null {
  if (/^\d+(\.\d+){3}$/.test(host)) return `4${binary(host.split("."), { radix: 10, width: 8 })}`;
  if (!host.includes(":")) return null;
  const [head = [], tail = []] = host
    .replace(/^\[|\]$/g, "")
    .split("::")
    .map((half) => half.split(":").filter((group) => group !== ""));
  const zeros = Array<string>(8 - head.length - tail.length).fill("0");
  return `6${binary([...head, ...zeros, ...tail], { radix: 16, width: 16 })}`;
}

function binary(
  numbers: readonly string[],
  { radix, width }: { readonly radix: number; readonly width: number },
): string {
  return numbers.map((number) => Number.parseInt(number, radix).toString(2).padStart(width, "0")).join("");
}

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 §5.5 without obs-text: visible ASCII, with spaces and tabs between. */
const FIELD_VALUE = /^[!-~](?:[\t -~]*[!-~])?$/;
const OWN_PREFIXES = ["content-", "webhook-", "ce-", "fantail-", "proxy-", "cf-"];
const OWN_NAMES: ReadonlySet<string> = new Set([
  // Of the connection (RFC 9110 §7.6.1), or what fetch on Workers makes itself of the URL and the body.
  "accept-encoding",
  "connection",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // Cloudflare's network believes these: a loop it would not see, a client address that is not the client's.
  "cdn-loop",
  "x-real-ip",
  // Every request carries Fantail's own name, and the event's trace.
  "traceparent",
  "tracestate",
  "user-agent",
]);

/**
 * Headers that a subscription adds to its requests, names in lower case. `pointer` is the JSON Pointer of `value`. Refused are more than
 * SINK_HEADERS_MAX, what is no header (RFC 9110), and the names that Fantail, HTTP and Cloudflare's network set: `host`, `user-agent`,
 * `traceparent`, `tracestate`, `content-*`, `webhook-*`, `ce-*`, `fantail-*`, the hop-by-hop names with `proxy-*`, `accept-encoding`,
 * `expect`, `cf-*`, `cdn-loop` and `x-real-ip`. No fault holds a value: they are secrets.
 */
export function checkSinkHeaders(
  value: unknown,
  pointer: string,
): Result<Readonly<Record<string, string>>, readonly Fault[]> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return err([faultAt(pointer, mustBe("an object"))]);
  const entries: [string, unknown][] = Object.entries(value);
  if (entries.length > SINK_HEADERS_MAX) return err([faultAt(pointer, atMost(SINK_HEADERS_MAX, "entries"))]);
  const headers = new Map<string, string>();
  const faults: Fault[] = [];
  for (const [name, content] of entries) {
    const lower = name.toLowerCase();
    const at = memberPointer(pointer, name);
    const twice = headers.has(lower) ? `${GIVEN_ONCE}, case does not count` : null;
    const fault = headerNameFault(name) ?? twice ?? headerValueFault(content);
    if (name.length > SINK_HEADER_NAME_CHARS_MAX)
      faults.push({ pointer: at, detail: longName(name, SINK_HEADER_NAME_CHARS_MAX) });
    else if (fault !== null) faults.push(faultAt(at, fault));
    else if (typeof content === "string") headers.set(lower, content);
  }
  return faults.length === 0 ? ok(Object.fromEntries(headers)) : err(faults);
}

function headerNameFault(name: string): string | null {
  // Before it is lower-cased: the Kelvin sign becomes a "k".
  if (!TOKEN.test(name)) return "must be named with A-Z, a-z, 0-9 and !#$%&'*+-.^_`|~ only";
  const lower = name.toLowerCase();
  const own = OWN_NAMES.has(lower) || OWN_PREFIXES.some((prefix) => lower.startsWith(prefix));
  return own ? "must be absent, Fantail, HTTP or the network sets it" : null;
}

function headerValueFault(value: unknown): string | null {
  if (typeof value !== "string") return mustBe("a string");
  if (value === "") return NOT_EMPTY;
  if (value.length > SINK_HEADER_VALUE_CHARS_MAX) return atMost(SINK_HEADER_VALUE_CHARS_MAX, "characters");
  return FIELD_VALUE.test(value) ? null : "must be visible ASCII with spaces and tabs between";
}
