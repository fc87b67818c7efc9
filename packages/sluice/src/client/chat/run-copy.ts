import { createFold, isTerminal, mergeEvents, type Message, type RunEvent } from "../../chat/index.ts";

/**
 * What this page has of a run: the message, and the events that it was folded from, joined where they can be. So a tab
 * that comes late is given as much as the answer is long, and not as many events as it had tokens.
 */
export interface RunCopy {
  readonly message: Message;
  /** The terminal is there. */
  readonly over: boolean;
  readonly events: readonly RunEvent[];
  /** Where reading goes on; undefined where that is not known. */
  lastEventId: string | undefined;
  /** @throws SluiceError `chat/order` */
  add(event: RunEvent): void;
  /** Begins anew with these. */
  replace(events: readonly RunEvent[]): void;
}

export function createRunCopy(): RunCopy {
  let fold = createFold();
  let joined: RunEvent[] = [];
  let over = false;

  const add = (event: RunEvent): void => {
    if (over) return;
    fold.add(event);
    over = isTerminal(event);
    joinLast(joined, event);
  };

  return {
    lastEventId: undefined,
    get message() {
      return fold.message;
    },
    get over() {
      return over;
    },
    get events() {
      return joined;
    },
    add,
    replace(events) {
      fold = createFold();
      joined = [];
      over = false;
      for (const event of events) add(event);
    },
  };
}

/** Adds it to a list of events, as one with the last of them where nobody could tell the difference. */
export function joinLast(events: RunEvent[], event: RunEvent): void {
  const last = events.at(-1);
  const both = last && mergeEvents(last, event);
  if (both === undefined) events.push(event);
  else events[events.length - 1] = both;
}
