// The audit: every change of configuration has one entry, with who, what and how, and without a secret.
import { expect, it } from "vitest";
import { noteFor } from "../fake-stores.ts";
import { fakeHttp, keyWith, type Answered } from "../http.ts";

const slug = (answer: Answered) => answer.json.type.split("/").at(-1);
const SECRET = `whsec_${"A".repeat(32)}`;
const OTHER_SECRET = `whsec_${"B".repeat(32)}`;
const SINK = "https://billing.example.com/hooks";
const HEADERS = { "x-token": "header-value-in-the-clear" };

it("has who, what, when, by which request, before and after, newest first", async () => {
  const http = fakeHttp();
  const key = await keyWith(http, ["manage"]);
  const [made] = (await http.ask("GET", "/v1/audit")).json.data;
  const actor: string = made.target;
  const created = await http.ask("POST", "/v1/subscriptions", { key, json: { sink: SINK, headers: HEADERS } });
  const { id } = created.json;
  http.clock.advance(1_000);
  const changed = await http.ask("PATCH", `/v1/subscriptions/${id}`, { key, json: { name: "billing" } });
  http.clock.advance(1_000);
  const deleted = await http.ask("DELETE", `/v1/subscriptions/${id}`);
  const { json } = await http.ask("GET", `/v1/audit?target=${id}`, { key });
  const { version: _v, created_at: _c, updated_at: _u, effective_at: _e, secret: _s, ...document } = created.json;
  const entry = { id: expect.stringMatching(/^aud_[0-9a-z]{26}$/), bus: "default", target: id };
  const named = { ...document, name: "billing" };
  const requestId = (answer: Answered) => answer.headers.get("x-request-id");
  expect(json.next_cursor).toBeNull();
  expect(json.data).toEqual([
    {
      ...entry,
      at: "2026-01-02T03:04:07.678Z",
      actor: "root",
      request_id: requestId(deleted),
      action: "subscription.deleted",
      before: named,
      after: null,
    },
    {
      ...entry,
      at: "2026-01-02T03:04:06.678Z",
      actor,
      request_id: requestId(changed),
      action: "subscription.changed",
      before: document,
      after: named,
    },
    {
      ...entry,
      at: "2026-01-02T03:04:05.678Z",
      actor,
      request_id: requestId(created),
      action: "subscription.created",
      before: null,
      after: document,
    },
  ]);
  expect(document.headers).toEqual({ "x-token": "…" });
});

it("says that a secret or the value of a header is another, never which, and nothing about one that stayed", async () => {
  const http = fakeHttp();
  const { id } = (await http.ask("POST", "/v1/subscriptions", { json: { sink: SINK, secret: SECRET } })).json;
  const patch = (json: object) => {
    http.clock.advance(1);
    return http.ask("PATCH", `/v1/subscriptions/${id}`, { json });
  };
  await patch({ secret: OTHER_SECRET, headers: HEADERS });
  await patch({ name: "same secret", secret: OTHER_SECRET });
  await keyWith(http, ["publish"]);
  const [kept, replaced, created] = (await http.ask("GET", `/v1/audit?target=${id}`)).json.data;
  expect(created.after).not.toHaveProperty("secret");
  const [name = ""] = Object.keys(HEADERS);
  expect(replaced.after.hidden_changes).toEqual(["secret", `headers.${name.toLowerCase()}`]);
  expect(kept.after).not.toHaveProperty("hidden_changes");
  await patch({ headers: { [name]: "another" } });
  await patch({ headers: null });
  const [removed, other] = (await http.ask("GET", `/v1/audit?target=${id}`)).json.data;
  expect(other.before.headers).toEqual(other.after.headers);
  for (const { after } of [removed, other]) expect(after.hidden_changes).toEqual([`headers.${name.toLowerCase()}`]);
  expect(JSON.stringify(http.stores.entries)).not.toMatch(/whsec_|in-the-clear|ftk_|hash/);
});

it("has no entry for what was refused or changed nothing", async () => {
  const http = fakeHttp();
  const none = `sub_${"0".repeat(26)}`;
  await http.ask("POST", "/v1/subscriptions", { json: {} });
  await http.ask("POST", "/v1/keys", { json: { scopes: [] } });
  await http.ask("PATCH", `/v1/subscriptions/${none}`, { json: {} });
  await http.ask("DELETE", `/v1/subscriptions/${none}`);
  await http.ask("DELETE", "/v1/buses/default");
  await http.ask("PUT", "/v1/buses/default");
  expect((await http.ask("GET", "/v1/audit")).json).toEqual({ data: [], next_cursor: null });
});

it("filters by target, actor, action and time, and refuses what it does not know", async () => {
  const http = fakeHttp();
  for (const [index, actor] of ["root", `key_${"0".repeat(26)}`, "system"].entries()) {
    const id = `aud_${String(index).padStart(26, "0")}`;
    const note = noteFor("key.created", { id, actor, atMs: index * 1_000 });
    http.stores.entries.push({ ...note, bus: "default", target: `t${index}` });
  }
  const targets = async (query: string) =>
    (await http.ask("GET", `/v1/audit${query}`)).json.data.map(({ target }: { target: string }) => target);
  expect(await targets("")).toEqual(["t2", "t1", "t0"]);
  expect(await targets("?target=t1")).toEqual(["t1"]);
  expect(await targets("?actor=system")).toEqual(["t2"]);
  expect(await targets("?action=key.created&actor=root")).toEqual(["t0"]);
  expect(await targets("?action=key.revoked")).toEqual([]);
  expect(await targets("?since=1970-01-01T00:00:01Z&until=1970-01-01T00:00:02Z")).toEqual(["t1"]);
  for (const query of [
    "?action=key.make",
    "?actor=",
    "?target=",
    "?since=x",
    "?limit=0",
    "?limit=201",
    "?bus=eu",
    "?cursor=x",
  ])
    expect([query, slug(await http.ask("GET", `/v1/audit${query}`))]).toEqual([query, "invalid-parameter"]);
  const first = (await http.ask("GET", "/v1/audit?limit=2")).json;
  expect(await targets(`?limit=2&cursor=${first.next_cursor}`)).toEqual(["t0"]);
});

it("is each bus's own, and that of buses is in default", async () => {
  const http = fakeHttp();
  await http.ask("PUT", "/v1/buses/eu");
  const key = await keyWith(http, ["manage"], "eu");
  const own = (await http.ask("GET", "/v1/audit", { key })).json.data;
  expect(own.map(({ action }: { action: string }) => action)).toEqual(["key.created"]);
  const buses = (await http.ask("GET", "/v1/audit")).json.data;
  expect(buses.map(({ action, target }: { action: string; target: string }) => [action, target])).toEqual([
    ["bus.created", "eu"],
  ]);
});
