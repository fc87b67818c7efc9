import type { StreamEvent } from "sluice/client";
import { createStore, type Store } from "./store.ts";

/** One event as it came. */
export interface WireEntry {
  /** Counts from 1. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly event: string;
  readonly id?: string;
  /** Its beginning, when it is long. */
  readonly data: string;
  readonly length: number;
}

export interface WireSnapshot {
  /** The newest, oldest first. */
  readonly entries: readonly WireEntry[];
  /** Of all that came since the last clearing. */
  readonly events: number;
  readonly characters: number;
}

export interface WireLog extends Store<WireSnapshot> {
  readonly add: (event: StreamEvent) => void;
  readonly clear: () => void;
}

export interface WireLogOptions {
  readonly now: () => number;
  /** Runs once, soon: many events become one change. Nobody reads them as fast as they come. */
  readonly soon: (run: () => void) => void;
  readonly maxEntries?: number;
  readonly maxDataLength?: number;
}

const EMPTY: WireSnapshot = { entries: [], events: 0, characters: 0 };

/** The events of the open chat for who wants to see them: bounded in number and in size. */
export function createWireLog(options: WireLogOptions): WireLog {
  const { now, soon, maxEntries = 200, maxDataLength = 4_000 } = options;
  const store = createStore(EMPTY);
  let pending: WireEntry[] = [];
  let events = 0;
  let characters = 0;

  const publish = (): void => {
    if (pending.length === 0) return;
    const entries = [...store.getSnapshot().entries, ...pending].slice(-maxEntries);
    pending = [];
    store.set({ entries, events, characters });
  };
  return {
    getSnapshot: store.getSnapshot,
    subscribe: store.subscribe,
    add({ event, id, data }) {
      events += 1;
      characters += data.length;
      const shown = data.length > maxDataLength ? data.slice(0, maxDataLength) : data;
      if (pending.length === 0) soon(publish);
      if (pending.length >= maxEntries) pending.shift();
      pending.push({
        number: events,
        at: now(),
        event,
        ...(id === undefined ? {} : { id }),
        data: shown,
        length: data.length,
      });
    },
    clear() {
      pending = [];
      events = 0;
      characters = 0;
      store.set(EMPTY);
    },
  };
}

/** As it stood on the wire, as far as it is kept. */
export function wireText(entries: readonly WireEntry[]): string {
  return entries
    .map(({ event, id, data, length }) => {
      const lines = [...(id === undefined ? [] : [`id: ${id}`]), ...(event === "message" ? [] : [`event: ${event}`])];
      const cut = length > data.length ? `… (${length} characters)` : "";
      return [...lines, ...data.split("\n").map((line) => `data: ${line}`)].join("\n") + cut;
    })
    .join("\n\n");
}
