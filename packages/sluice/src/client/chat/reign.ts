import { isTerminal, type RunEvent } from "../../chat/index.ts";
import { coalesce, type Soon } from "./frames.ts";
import { joinLast, type RunCopy } from "./run-copy.ts";
import type { KnownRun, Place, RunMessage } from "./tab-messages.ts";
import type { ChatConnection } from "./types.ts";

/** The time in which this tab reads a run and tells the others of it: in batches, at most one a frame. */
export interface Reign {
  readonly place: Place;
  /** One who follows was looked at when it asked. */
  readonly isSeen: boolean;
  /** The copy has grown by this. */
  add(event: RunEvent): void;
  /** The connection has changed. */
  tell(): void;
  /** Somebody says how far he is. */
  answer(ask: Extract<RunMessage, { readonly kind: "ask" }>): void;
  flush(): void;
}

export interface ReignOptions {
  readonly requestId: string;
  /** Higher than that of every reign before. */
  readonly epoch: number;
  readonly copy: RunCopy;
  readonly connection: () => ChatConnection;
  readonly run: () => KnownRun;
  readonly soon: Soon;
  readonly post: (message: RunMessage) => void;
}

export function createReign({ requestId, epoch, copy, connection, run, soon, post }: ReignOptions): Reign {
  let sequence = 0;
  /** Nobody is told until somebody has asked: most of the time there is one tab. */
  let heard = false;
  let isSeen = false;
  let wholeWanted = false;
  // Who followed another leader sees by the first that there is a new one, and asks.
  let lifeWanted = true;
  let pending: RunEvent[] = [];

  const flushing = coalesce(soon, () => {
    if (pending.length > 0) sequence += 1;
    if (pending.length > 0 || lifeWanted) post({ kind: "batch", ...told(pending) });
    if (wholeWanted) post({ kind: "whole", ...told(copy.events) });
    pending = [];
    lifeWanted = wholeWanted = false;
  });
  flushing.request();

  return {
    get place() {
      return { requestId, epoch, sequence };
    },
    get isSeen() {
      return isSeen;
    },
    add(event) {
      if (!heard) return;
      joinLast(pending, event);
      if (isTerminal(event)) flushing.flush();
      else flushing.request();
    },
    tell() {
      if (!heard) return;
      lifeWanted = true;
      flushing.request();
    },
    answer({ seen, ...place }) {
      heard = true;
      isSeen ||= seen;
      if (place.epoch === epoch && place.sequence === sequence) lifeWanted = true;
      else wholeWanted = true;
      flushing.request();
    },
    flush: flushing.flush,
  };

  function told(events: readonly RunEvent[]): Omit<Extract<RunMessage, { readonly kind: "whole" }>, "kind"> {
    return { requestId, epoch, sequence, events, lastEventId: copy.lastEventId, connection: connection(), run: run() };
  }
}
