import type { Tabs } from "./types.ts";

/**
 * Connections that tabs have together. Browsers open six to an origin that speaks HTTP/1.1, for all tabs: with a seventh
 * answer under way, whoever is looked at would wait for tabs that nobody sees.
 */
export interface Slots {
  /**
   * Works while this tab has a slot. When another needs it more, the signal of the work fires, and it is begun again
   * with the next slot.
   * @param isSeen whether somebody looks at what is worked for
   * @throws what the work throws
   */
  hold(options: HoldOptions, work: (signal: AbortSignal) => Promise<void>): Promise<void>;
  /** Somebody looks, by now: who waits may ask for a slot. */
  attend(): void;
  close(): void;
}

export interface HoldOptions {
  readonly signal: AbortSignal;
  readonly isSeen: () => boolean;
}

const unlimited: Slots = {
  hold: ({ signal }, work) => work(signal),
  attend() {},
  close() {},
};

interface Holding {
  readonly isSeen: () => boolean;
  readonly give: () => void;
}

/** @param name of the server, as the tabs call it */
export function createSlots(tabs: Tabs | null, name: string): Slots {
  if (tabs?.connections === undefined) return unlimited;
  const { locks, connections } = tabs;
  const channel = tabs.channel(name);
  const numbers = Array.from({ length: connections }, (_, number) => `${name}:${number}`);
  const holding = new Set<Holding>();
  const waiting = new Set<() => boolean>();
  let open = true;

  channel.onmessage = () => {
    for (const { isSeen, give } of holding) if (!isSeen()) give();
  };

  return {
    async hold({ signal, isSeen }, work) {
      while (!signal.aborted) {
        const given = new AbortController();
        const mine = { isSeen, give: () => given.abort() };
        const inSlot = async (): Promise<void> => {
          holding.add(mine);
          await work(AbortSignal.any([signal, given.signal])).finally(() => holding.delete(mine));
        };
        await withSlot(signal, isSeen, inSlot);
        if (!given.signal.aborted) return;
      }
    },
    attend: want,
    close() {
      open = false;
      channel.onmessage = null;
      channel.close();
    },
  };

  async function withSlot(signal: AbortSignal, isSeen: () => boolean, begin: () => Promise<void>): Promise<void> {
    const had = new AbortController();
    const over = AbortSignal.any([signal, had.signal]);
    let work: Promise<void> | undefined;
    const take = async (lock: Lock | null): Promise<void> => {
      if (lock === null || over.aborted) return;
      had.abort();
      work = begin();
      await work.catch(() => {}); // whoever asked is told
    };
    for (const slot of numbers) {
      if (!over.aborted) await locks.request(slot, { ifAvailable: true }, take).catch(() => {});
    }
    const requests = over.aborted ? [] : numbers.map((slot) => locks.request(slot, { signal: over }, take));
    waiting.add(isSeen);
    over.addEventListener("abort", () => waiting.delete(isSeen));
    if (!over.aborted) want();
    await Promise.allSettled(requests);
    waiting.delete(isSeen);
    // No lock is to be had here: then nothing is shared.
    await (work ?? (signal.aborted ? undefined : begin()));
  }

  /** Asks those whom nobody looks at for a slot. */
  function want(): void {
    for (const isSeen of waiting) {
      if (isSeen() && open) return channel.postMessage("want");
    }
  }
}
