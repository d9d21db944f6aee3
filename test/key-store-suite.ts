/** What every KeyStore must do, whatever it stores keys in. */
import { expect, it } from "vitest";
import { KEY_USE_WRITE_MS } from "../src/core/limits.ts";
import type { AuditEntry, Key, KeyStore, NewKey } from "../src/ports.ts";
import { noteFor, plainKey } from "./fake-stores.ts";

const NOW = 1_800_000_000_000;

export interface KeyWorld {
  readonly store: KeyStore;
  /** How many keys fit on a bus of `newBus`. */
  readonly room: number;
  newBus(): Promise<string>;
  /** What the bus counts. */
  counted(bus: string): Promise<number>;
  deleteBus(bus: string): Promise<void>;
  /** Entries about one key, oldest first. */
  audited(bus: string, id: string): Promise<readonly AuditEntry[]>;
}

let made = 0;

const key = (bus: string, changes: Partial<NewKey> = {}): NewKey => {
  const number = String(++made).padStart(26, "0");
  return plainKey({ id: `key_${number}`, hash: `hash-${number}`, bus, createdMs: NOW, ...changes });
};

const LIMITED = {
  name: "shop",
  types: ["order.created", "order.*"],
  allowedOrigins: ["https://shop.example.com"],
  rateLimit: "low",
  expiresMs: NOW + 5,
} as const;

const changeAt = (expected: number, now = NOW) => ({ expected, now, note: noteFor("key.changed") });
const rotationNotes = () => ({ created: noteFor("key.created"), rotated: noteFor("key.rotated") });

/** Declares the tests over the world that `open` answers. */
export function testKeyStore(open: () => KeyWorld): void {
  const world = open();
  const { store } = world;

  async function created(bus: string, changes: Partial<NewKey> = {}): Promise<Key> {
    const stored = await store.create(key(bus, changes), noteFor("key.created"));
    if (typeof stored === "string") throw new Error(`Not made: ${stored}`);
    return stored;
  }
  const actions = async ({ bus, id }: { readonly bus: string; readonly id: string }) =>
    (await world.audited(bus, id)).map(({ action }) => action);

  it("create() reads every member back as it was given, with and without limits", async () => {
    const bus = await world.newBus();
    for (const changes of [{}, LIMITED]) {
      const given = key(bus, changes);
      const stored = await store.create(given, noteFor("key.created", { after: "{}", actor: "key_9" }));
      expect(stored).toEqual({
        ...given,
        updatedMs: NOW,
        lastUsedMs: null,
        replacedBy: null,
        version: expect.any(Number),
      });
      expect(await store.get(bus, given.id)).toEqual(stored);
      expect(await world.audited(bus, given.id)).toMatchObject([
        { bus, target: given.id, action: "key.created", actor: "key_9", before: null, after: "{}" },
      ]);
    }
  });

  it("create() repeated with the same id answers what is there, and counts and notes it once", async () => {
    const bus = await world.newBus();
    const given = key(bus);
    const answers = await Promise.all(Array.from({ length: 5 }, () => store.create(given, noteFor("key.created"))));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(await world.counted(bus)).toBe(1);
    expect(await actions(given)).toEqual(["key.created"]);
  });

  it("create() fills a bus up to its limit, never past it, and leaves nothing of what is refused", async () => {
    const bus = await world.newBus();
    const all = Array.from({ length: world.room + 3 }, () => key(bus));
    const answers = await Promise.all(all.map((given) => store.create(given, noteFor("key.created"))));
    expect(answers.filter((answer) => typeof answer === "object")).toHaveLength(world.room);
    const over = all.filter((_, index) => answers[index] === "limit-reached");
    expect(over).toHaveLength(3);
    for (const { id } of over) expect(await store.get(bus, id)).toBeNull();
    for (const refused of over) expect(await actions(refused)).toEqual([]);
    const kept = answers.find((answer) => typeof answer === "object");
    if (typeof kept !== "object") throw new Error("None was kept");
    const notes = rotationNotes();
    const options = { id: kept.id, expected: kept.version, untilMs: NOW, notes };
    expect(await store.rotate(key(bus), options)).toBe("limit-reached");
    expect(await store.get(bus, kept.id)).toEqual(kept);
    await store.revoke(bus, kept.id, changeAt(kept.version));
    expect(await store.create(key(bus), noteFor("key.created"))).toBeTypeOf("object");
  });

  it("revoke() takes effect once, whoever repeats it, and what was made is not made again under its id", async () => {
    const bus = await world.newBus();
    const given = key(bus);
    const stored = await store.create(given, noteFor("key.created"));
    const { version } = typeof stored === "string" ? { version: 0 } : stored;
    expect(await store.revoke(bus, given.id, changeAt(version - 1))).toBeNull();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () =>
        store.revoke(bus, given.id, { ...changeAt(version), note: noteFor("key.revoked") }),
      ),
    );
    expect(answers.filter((answer) => answer !== null)).toHaveLength(1);
    expect(await world.counted(bus)).toBe(0);
    expect(await store.get(bus, given.id)).toBeNull();
    expect((await store.list(bus, { limit: 5, before: null })).rows).toEqual([]);
    expect(await store.create(given, noteFor("key.created"))).toBe("deleted-since");
    expect(await actions(given)).toEqual(["key.created", "key.revoked"]);
  });

  it("replace() changes name and limits of the version it expects, and of no other", async () => {
    const before = await created(await world.newBus());
    const next = { ...before, ...LIMITED, scopes: ["publish"], updatedMs: NOW + 9 } as const;
    expect(await store.replace(next, changeAt(before.version - 1))).toBeNull();
    expect(await store.get(before.bus, before.id)).toEqual(before);
    const writers = Array.from({ length: 5 }, (_, index) =>
      store.replace({ ...next, name: `writer ${index}` }, changeAt(before.version)),
    );
    const won = (await Promise.all(writers)).filter((answer) => answer !== null);
    expect(won).toHaveLength(1);
    expect(won[0]).toMatchObject({ ...LIMITED, name: won[0]?.name, updatedMs: NOW + 9, hash: before.hash });
    expect(await store.get(before.bus, before.id)).toEqual(won[0]);
    expect(await actions(before)).toEqual(["key.created", "key.changed"]);
  });

  it("rotate() stores a successor and ends the former key, both or neither", async () => {
    const bus = await world.newBus();
    const former = await created(bus);
    const successor = key(bus, { createdMs: NOW + 3 });
    const options = { id: former.id, untilMs: NOW + 60, notes: rotationNotes() };
    expect(await store.rotate(successor, { ...options, expected: former.version - 1 })).toBeNull();
    expect(await store.get(bus, successor.id)).toBeNull();
    const rotated = await store.rotate(successor, { ...options, expected: former.version });
    const times = { expiresMs: NOW + 60, updatedMs: NOW + 3 };
    const ended = { ...former, ...times, replacedBy: successor.id, version: expect.any(Number) };
    expect(rotated).toMatchObject({ successor, former: ended });
    expect(await store.get(bus, former.id)).toEqual(ended);
    expect(await world.counted(bus)).toBe(2);
    expect([await actions(former), await actions(successor)]).toEqual([
      ["key.created", "key.rotated"],
      ["key.created"],
    ]);
    // Again, as after a lost answer: whoever reads the former key has another version of it by now.
    const version = (await store.get(bus, former.id))?.version ?? 0;
    const notes = rotationNotes();
    const again = await store.rotate(successor, { ...options, untilMs: NOW + 90, expected: version, notes });
    expect(again).toEqual(rotated);
    expect(await world.counted(bus)).toBe(2);
    expect([await actions(former), await actions(successor)]).toEqual([
      ["key.created", "key.rotated"],
      ["key.created"],
    ]);
  });

  it("a replaced key has no successor any more once its end is set anew, and keeps it under another name", async () => {
    const bus = await world.newBus();
    const { id, version } = await created(bus);
    const successor = key(bus, { createdMs: NOW + 3 });
    const options = { id, untilMs: NOW + 60, expected: version, notes: rotationNotes() };
    const rotated = await store.rotate(successor, options);
    const ended = rotated === null || typeof rotated === "string" ? null : rotated.former;
    if (ended === null) throw new Error("It was not rotated");
    const named = await store.replace({ ...ended, name: "n" }, changeAt(ended.version));
    expect(named).toMatchObject({ name: "n", replacedBy: successor.id });
    if (named === null) throw new Error("It was not named");
    const revived = await store.replace({ ...named, expiresMs: null, replacedBy: null }, changeAt(named.version));
    expect(revived).toMatchObject({ expiresMs: null, replacedBy: null });
    expect(await store.get(bus, id)).toEqual(revived);
  });

  it("rotate() of many at once with one successor makes one, and none outlives its own end", async () => {
    const bus = await world.newBus();
    const former = await created(bus, { expiresMs: NOW + 10 });
    const successor = key(bus);
    const answers = await Promise.all(
      Array.from({ length: 5 }, () =>
        store.rotate(successor, {
          id: former.id,
          expected: former.version,
          untilMs: NOW + 60,
          notes: rotationNotes(),
        }),
      ),
    );
    for (const answer of answers) expect(answer).toMatchObject({ successor, former: { expiresMs: NOW + 10 } });
    expect(await world.counted(bus)).toBe(2);
    await store.revoke(bus, former.id, changeAt((await store.get(bus, former.id))?.version ?? 0));
    const late = { id: former.id, expected: former.version, untilMs: NOW, notes: rotationNotes() };
    expect(await store.rotate(successor, late)).toMatchObject({ successor, former: null });
    const version = (await store.get(bus, successor.id))?.version ?? 0;
    await store.revoke(bus, successor.id, changeAt(version));
    expect(await store.rotate(successor, late)).toBe("deleted-since");
  });

  it("used() notes a use without a version, and again only after KEY_USE_WRITE_MS", async () => {
    const stored = await created(await world.newBus());
    const { bus, id } = stored;
    const usedAt = async (now: number) => {
      await store.used(bus, id, now);
      return store.get(bus, id);
    };
    expect(await usedAt(NOW)).toEqual({ ...stored, lastUsedMs: NOW });
    expect((await usedAt(NOW + KEY_USE_WRITE_MS - 1))?.lastUsedMs).toBe(NOW);
    expect(await usedAt(NOW + KEY_USE_WRITE_MS)).toEqual({ ...stored, lastUsedMs: NOW + KEY_USE_WRITE_MS });
    expect((await usedAt(NOW))?.lastUsedMs).toBe(NOW + KEY_USE_WRITE_MS);
    await store.revoke(bus, id, changeAt(stored.version));
    expect(await usedAt(NOW + 9 * KEY_USE_WRITE_MS)).toBeNull();
  });

  it("list() pages newest first while others make and revoke: nothing twice, nothing left out", async () => {
    const bus = await world.newBus();
    const all: Key[] = [];
    for (let index = 0; index < 5; index++) all.push(await created(bus));
    const [oldest, , third, , newest] = all;
    if (oldest === undefined || third === undefined || newest === undefined) throw new Error("There are too few");
    const first = await store.list(bus, { limit: 2, before: null });
    await created(bus);
    await store.revoke(bus, newest.id, changeAt(newest.version));
    await store.revoke(bus, third.id, changeAt(third.version));
    const second = await store.list(bus, { limit: 2, before: first.next });
    expect([...first.rows, ...second.rows].map(({ id }) => id)).toEqual([4, 3, 1, 0].map((index) => all[index]?.id));
    expect(second.next).toBeNull();
  });

  it("a key of one bus is not reached from another, and none on a deleted bus", async () => {
    const stored = await created(await world.newBus());
    const { bus, id, version } = stored;
    const other = await world.newBus();
    expect(await store.get(other, id)).toBeNull();
    expect(await store.revoke(other, id, changeAt(version))).toBeNull();
    expect(await store.replace({ ...stored, bus: other }, changeAt(version))).toBeNull();
    const options = { id, expected: version, untilMs: NOW, notes: rotationNotes() };
    expect(await store.rotate(key(other), options)).toBeNull();
    await world.deleteBus(bus);
    expect(await store.get(bus, id)).toBeNull();
    expect(await store.revoke(bus, id, changeAt(version))).toBeNull();
    expect(await store.replace(stored, changeAt(version))).toBeNull();
    expect(await store.create(key(bus), noteFor("key.created"))).toBe("bus-gone");
    expect(await actions(stored)).toEqual(["key.created"]);
  });
}
