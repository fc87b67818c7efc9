import { expect } from "vitest";
import type { Hub, Subscription, TopicEvent } from "../../src/hub/index.ts";

/** A turn of the event loop, in which those who wait are woken. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface Told {
  readonly event: string;
  readonly data: string;
}

/** A subscriber that takes what there is whenever it is woken. */
export interface Listening {
  readonly events: TopicEvent[];
  readonly subscription: Subscription;
  /** What was thrown at it. */
  readonly error: unknown;
  /** Resolves with the events once there are so many. */
  until(isEnough: (events: readonly TopicEvent[]) => boolean): Promise<readonly TopicEvent[]>;
  /** Resolves with what it was broken off by. */
  broken(): Promise<unknown>;
}

export async function listen(
  hub: Hub,
  key: string,
  options: { readonly after?: string; readonly last?: number; readonly who?: string } = {},
): Promise<Listening> {
  const { who, ...start } = options;
  const events: TopicEvent[] = [];
  let error: unknown;
  let changed = (): void => {};
  const take = (): void => {
    try {
      for (let event = subscription.take(); event; event = subscription.take()) events.push(event);
    } catch (thrown) {
      error = thrown;
    }
    changed();
  };
  const subscription = hub.open(key, { from: await hub.locate(key, start), who, wake: take });
  take();
  const wait = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) await new Promise<void>((resolve) => (changed = resolve));
  };
  return {
    events,
    subscription,
    get error() {
      return error;
    },
    async until(isEnough) {
      await wait(() => error !== undefined || isEnough(events));
      if (error !== undefined) throw error;
      return events;
    },
    async broken() {
      await wait(() => error !== undefined);
      return error;
    },
  };
}

export const told = ({ event, data }: TopicEvent): Told => ({ event, data });
export const dataOf = (events: readonly TopicEvent[]): readonly string[] => events.map(({ data }) => data);
export const numbers = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => String(index));

/** For `toEqual` and `toThrow`: an error with this code. */
export const coded = (code: string): unknown => expect.objectContaining({ code });
