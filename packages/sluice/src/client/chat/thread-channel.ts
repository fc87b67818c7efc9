import { parseTabMessage, type Envelope, type TabMessage } from "./tab-messages.ts";
import type { Tabs } from "./types.ts";

/** What this tab and the others of a thread tell each other. */
export interface ThreadChannel {
  post(message: TabMessage): void;
  close(): void;
}

/** Undefined where there is none, or none is to be used. */
export function openThreadChannel(
  tabs: Tabs | null,
  name: string,
  hear: (message: TabMessage) => void,
): ThreadChannel | undefined {
  if (tabs === null) return undefined;
  const channel = tabs.channel(name);
  let open = true;
  channel.onmessage = ({ data }: MessageEvent<unknown>) => {
    const message = parseTabMessage(data);
    if (message !== undefined) hear(message);
  };
  return {
    post(message) {
      const envelope: Envelope = { sluice: 1, ...message };
      if (open) channel.postMessage(envelope);
    },
    close() {
      open = false;
      channel.onmessage = null;
      channel.close();
    },
  };
}

/**
 * Locks need a secure context. Without a page there are no tabs: a server may have both, and shares neither.
 * @param origin of the server
 */
export function browserTabs(origin: string): Tabs | null {
  if (typeof document !== "object" || typeof BroadcastChannel !== "function") return null;
  const locks: LockManager | undefined = globalThis.navigator?.locks;
  if (locks === undefined) return null;
  const tabs = { locks, channel: (name: string) => new BroadcastChannel(name) };
  return origin === location.origin && isOverHttp1() ? { ...tabs, connections: HTTP1_CONNECTIONS } : tabs;
}

/** One less than browsers open to an origin: a stop goes through, and the next question. */
const HTTP1_CONNECTIONS = 5;

/** The page came over HTTP/1.1, and its server speaks that with the page too. */
function isOverHttp1(): boolean {
  const [loading] = performance.getEntriesByType("navigation");
  return loading !== undefined && "nextHopProtocol" in loading && loading.nextHopProtocol === "http/1.1";
}
