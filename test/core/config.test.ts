// Configuration: each variable is checked, and the error names it without its value.
import { expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { ConfigError, readConfig } from "../../src/config.ts";
import { VERSION } from "../../src/version.ts";

const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const GOOD = { ROOT_KEY: "a-root-key-of-some-length", ENCRYPTION_KEY: KEY };

it("readConfig() fills what is not set", () => {
  const config = readConfig(GOOD);
  expect(config).toMatchObject({ retentionDays: 7, allowInsecureSinks: false, publicHost: null, publicUrl: "" });
  expect(config.encryptionKeys.map((key) => key.byteLength)).toEqual([32]);
});

it("readConfig() takes lists of keys, the first first", () => {
  const config = readConfig({
    ROOT_KEY: "first-first-first-first, second-second-second",
    ENCRYPTION_KEY: `${KEY},${KEY}`,
  });
  expect(config.rootKeys).toEqual(["first-first-first-first", "second-second-second"]);
  expect(config.encryptionKeys).toHaveLength(2);
});

it("readConfig() knows where the router is reached", () => {
  expect(readConfig({ ...GOOD, PUBLIC_HOST: "Events.Example.com" }).publicUrl).toBe("https://events.example.com");
  expect(readConfig({ ...GOOD, PUBLIC_HOST: "127.0.0.1:8787" }).publicUrl).toBe("http://127.0.0.1:8787");
});

it("readConfig() takes a resolver over https, and on loopback over http", () => {
  expect(readConfig(GOOD).dohUrl).toBeNull();
  expect(readConfig({ ...GOOD, DOH_URL: "" }).dohUrl).toBeNull();
  for (const url of [
    "https://dns.example/dns-query?profile=a",
    "http://127.0.0.1:8053/q",
    "http://localhost/",
    "http://[::1]:8053/",
  ])
    expect(readConfig({ ...GOOD, DOH_URL: url }).dohUrl).toBe(url);
});

it.each([
  ["ROOT_KEY", undefined],
  ["ROOT_KEY", ""],
  ["ROOT_KEY", "short"],
  ["ROOT_KEY", `${GOOD.ROOT_KEY},short`],
  ["ROOT_KEY", "correct horse battery staple"],
  ["ROOT_KEY", "schlüssel-schlüssel-schlüssel"],
  ["ENCRYPTION_KEY", undefined],
  ["ENCRYPTION_KEY", "AAAA"],
  ["ENCRYPTION_KEY", "not base64"],
  ["RETENTION_DAYS", "0"],
  ["RETENTION_DAYS", "31"],
  ["RETENTION_DAYS", "1.5"],
  ["RETENTION_DAYS", "a week"],
  ["ALLOW_INSECURE_SINKS", "yes"],
  ["DOH_URL", "dns.example/dns-query"],
  ["DOH_URL", "/dns-query"],
  ["DOH_URL", "http://dns.example/dns-query"],
  ["DOH_URL", "http://10.0.0.1/dns-query"],
  ["DOH_URL", "http://localhost.example/dns-query"],
  ["DOH_URL", "ftp://localhost/dns-query"],
  ["DOH_URL", "https://user@dns.example/dns-query"],
  ["DOH_URL", "https://:secret@dns.example/dns-query"],
  ["DOH_URL", "https://dns.example/dns-query#"],
  ["DOH_URL", "https://dns.example/dns-query{?dns}#x"],
  ["PUBLIC_HOST", "https://events.example.com"],
  ["PUBLIC_HOST", "events.example.com/x"],
])("readConfig() refuses %s = %s and names it", (name, value) => {
  const variables = { ...GOOD, [name]: value };
  expect(() => readConfig(variables)).toThrow(ConfigError);
  expect(() => readConfig(variables)).toThrow(name);
});

it("VERSION is that of package.json", () => {
  expect(VERSION).toBe(manifest.version);
});
