import type { Clock } from "../../../src/base/clock.ts";
import type { ChatPage, ChatStorage, Tabs } from "../../../src/client/index.ts";
import { memoryStorage } from "./support.ts";

/** Tabs of one origin in one process: Web Locks, BroadcastChannel, and what happens to pages. */
export interface FakeBrowser {
  openTab(from?: { readonly storage: ChatStorage }): FakeTab;
  /** Who holds a lock whose name ends so. */
  holder(name: string): FakeTab | undefined;
  readonly held: number;
  /** Messages posted so far. */
  readonly messages: readonly unknown[];
}

/** What a page of this tab is given in place of the browser's own. */
export interface FakeTab {
  readonly tabs: Tabs;
  readonly page: ChatPage;
  readonly storage: ChatStorage;
  readonly nextFrame: (run: () => void) => void;
  wrapFetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch;
  wrapClock(clock: Clock): Clock;
  /** The tab is gone, without a word to its page: locks are free, connections closed, nothing of it runs any more. */
  kill(): void;
  /** Nothing of the page runs until it is thawed; what it holds it goes on holding. */
  freeze(): void;
  thaw(): void;
  setVisible(visible: boolean): void;
  /** What the browser tells the page. */
  tell(event: "hidden" | "left" | "shown"): void;
}

interface Holder {
  readonly tab: Tab;
  readonly lost: (reason: unknown) => void;
}

interface Request {
  readonly tab: Tab;
  readonly grant: (release: () => void) => void;
  readonly lost: (reason: unknown) => void;
}

interface Tab extends FakeTab {
  readonly alive: boolean;
  /** In the page, when it can run; never when it is gone. */
  inPage(run: () => void): void;
}

type Channel = { onmessage: ((event: MessageEvent) => unknown) | null; readonly tab: Tab; readonly name: string };

export function createFakeBrowser(): FakeBrowser {
  const holders = new Map<string, Holder>();
  const queues = new Map<string, Request[]>();
  const channels = new Set<Channel>();
  const messages: unknown[] = [];

  const release = (name: string, holder: Holder): void => {
    if (holders.get(name) !== holder) return;
    holders.delete(name);
    next(name);
  };

  const give = (name: string, request: Request): void => {
    const holder: Holder = { tab: request.tab, lost: request.lost };
    holders.set(name, holder);
    request.grant(() => release(name, holder));
  };

  const next = (name: string): void => {
    if (holders.has(name)) return;
    const request = queues.get(name)?.shift();
    if (request) give(name, request);
  };

  const lockManager = (tab: () => Tab): Tabs["locks"] => {
    const request = async (name: string, ...given: readonly unknown[]): Promise<unknown> => {
      const run = given.at(-1) as (lock: Lock | null) => unknown;
      const { steal = false, ifAvailable = false, signal } = given.length > 1 ? (given[0] as LockOptions) : {};
      if (steal && (ifAvailable || signal)) throw new DOMException("steal", "NotSupportedError");
      signal?.throwIfAborted();
      const lock = { name, mode: "exclusive" } as const;
      const waiting = queues.get(name) ?? [];
      queues.set(name, waiting);
      if (ifAvailable && (holders.has(name) || waiting.length > 0)) return run(null);
      return new Promise((resolve, reject) => {
        const settle = (how: () => void): void => tab().inPage(how);
        const asking: Request = {
          tab: tab(),
          lost: (reason) => settle(() => reject(reason)),
          grant(free) {
            signal?.removeEventListener("abort", onAbort);
            settle(() => {
              const work = (async () => run(lock))();
              work.then(
                (value) => (free(), settle(() => resolve(value))),
                (error: unknown) => (free(), settle(() => reject(error))),
              );
            });
          },
        };
        const onAbort = (): void => {
          const index = waiting.indexOf(asking);
          if (index === -1) return;
          waiting.splice(index, 1);
          settle(() => reject(signal?.reason));
        };
        signal?.addEventListener("abort", onAbort);
        if (steal) {
          const robbed = holders.get(name);
          give(name, asking);
          robbed?.lost(new DOMException("The lock was stolen.", "AbortError"));
        } else {
          waiting.push(asking);
          setImmediate(() => next(name));
        }
      });
    };
    return { request: request as unknown as LockManager["request"] };
  };

  const openChannel = (name: string, tab: Tab): ReturnType<Tabs["channel"]> => {
    const channel: Channel & { postMessage(message: unknown): void; close(): void } = {
      onmessage: null,
      tab,
      name,
      postMessage(message) {
        if (!channels.has(channel)) throw new DOMException("closed", "InvalidStateError");
        if (!tab.alive) return;
        messages.push(message);
        for (const other of channels) {
          if (other === channel || other.name !== name) continue;
          const data: unknown = structuredClone(message);
          setImmediate(() =>
            other.tab.inPage(() => {
              if (channels.has(other)) other.onmessage?.({ data } as MessageEvent);
            }),
          );
        }
      },
      close: () => void channels.delete(channel),
    };
    channels.add(channel);
    return channel;
  };

  const openTab = (storage: ChatStorage): Tab => {
    const gone = new AbortController();
    const listeners = new Set<(event: "hidden" | "left" | "shown") => void>();
    let frozen = false;
    let visible = true;
    let later: (() => void)[] = [];

    const tab: Tab = {
      tabs: { locks: lockManager(() => tab), channel: (name) => openChannel(name, tab) },
      storage,
      get alive() {
        return !gone.signal.aborted;
      },
      inPage(run) {
        if (!tab.alive) return;
        if (frozen) later.push(run);
        else run();
      },
      page: {
        visible: () => visible,
        subscribe(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
      },
      nextFrame: (run) => void setImmediate(() => tab.inPage(run)),
      wrapFetch: (fetch) => (input, init) =>
        new Promise((resolve, reject) => {
          const signal = AbortSignal.any([gone.signal, ...(init?.signal ? [init.signal] : [])]);
          tab.inPage(() => {
            fetch(input, { ...init, signal }).then(
              (response) => tab.inPage(() => resolve(inTab(response, tab))),
              (error: unknown) => tab.inPage(() => reject(error)),
            );
          });
        }),
      wrapClock: (clock) => ({
        now: clock.now,
        timer: (ms, run) => clock.timer(ms, () => tab.inPage(run)),
      }),
      kill() {
        gone.abort();
        for (const channel of channels) if (channel.tab === tab) channels.delete(channel);
        for (const waiting of queues.values()) {
          const others = waiting.filter((request) => request.tab !== tab);
          waiting.splice(0, Infinity, ...others);
        }
        for (const [name, holder] of holders) if (holder.tab === tab) release(name, holder);
      },
      freeze: () => void (frozen = true),
      thaw() {
        frozen = false;
        const runs = later;
        later = [];
        for (const run of runs) tab.inPage(run);
      },
      setVisible: (now) => void (visible = now),
      tell(event) {
        for (const listener of listeners) listener(event);
      },
    };
    return tab;
  };

  return {
    openTab: (from) => openTab(from?.storage ?? memoryStorage()),
    holder: (name) => [...holders].find(([held]) => held.endsWith(name))?.[1].tab,
    get held() {
      return holders.size;
    },
    messages,
  };
}

/** A response whose chunks reach the page when it runs, and never when it is gone. */
function inTab(response: Response, tab: Tab): Response {
  if (response.body === null) return response;
  const reader = response.body.getReader();
  let left = false;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const step = await reader.read().then(
          ({ done, value }) => (done ? () => controller.close() : () => controller.enqueue(value)),
          (error: unknown) => () => controller.error(error),
        );
        await new Promise<void>((resolve) => {
          tab.inPage(() => {
            if (!left) step();
            resolve();
          });
        });
      },
      cancel(reason) {
        left = true;
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  const { status, headers } = response;
  const inPage = new Response(body, { status, headers });
  Object.defineProperty(inPage, "url", { value: response.url });
  return inPage;
}
