/** The events of a stream that are read and not yet answered, each at its place. Bounded: it reads on only when there is room. */
import type { PreparedEvent } from "./event.ts";
import type { EventReader } from "./event-reader.ts";

export interface LineWindow {
  /** The place of the first that is open, counted from 0. */
  first(): number;
  /** Those that are open. */
  open(): readonly PreparedEvent[];
  /**
   * The event at that place, which is not before the first; waits for it. Null: there is none.
   * @throws what reading threw, once all before it are confirmed; until then null.
   */
  at(place: number): Promise<PreparedEvent | null>;
  /** The first one is answered: reading goes on if there is room then. */
  confirm(): void;
}

/** What is open is sent again when a request breaks off. */
const EVENTS_MAX = 1_000;
const BYTES_MAX = 4_000_000;

export function createLineWindow(reader: EventReader): LineWindow {
  const open: PreparedEvent[] = [];
  let first = 0;
  let bytes = 0;
  let isOver = false;
  let failure: { readonly error: unknown } | null = null;
  let reading: Promise<void> | null = null;
  let makeRoom: (() => void) | null = null;
  let room: Promise<void> = Promise.resolve();

  const isFull = () => open.length >= EVENTS_MAX || bytes >= BYTES_MAX;
  const take = (event: Awaited<ReturnType<EventReader["next"]>>) => {
    if (event === "end") isOver = true;
    if (event === "end" || event === "pause") return;
    open.push(event);
    bytes += event.bytes;
    if (isFull()) room = new Promise((resolve) => (makeRoom = resolve));
  };
  const readMore = async () => {
    await room;
    await reader.next().then(take, (error: unknown) => {
      isOver = true;
      failure = { error };
    });
  };
  const isKnown = (place: number) => isOver || place < first + open.length;
  return {
    first: () => first,
    open: () => open,
    at: async (place) => {
      // Two requests, one that broke off and the next, may wait for the same event.
      while (!isKnown(place)) await (reading ??= readMore().finally(() => (reading = null)));
      if (open.length === 0 && failure !== null) throw failure.error;
      return open[place - first] ?? null;
    },
    confirm: () => {
      const event = open.shift();
      first += 1;
      bytes -= event?.bytes ?? 0;
      if (!isFull()) makeRoom?.();
    },
  };
}
