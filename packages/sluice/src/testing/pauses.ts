import { whenAborted } from "../base/abort.ts";

/** Where whoever comes waits to be let on. */
export interface Pauses {
  /** @throws the signal's reason when it fires first */
  pass(signal: AbortSignal, tell: (status: "paused" | "running") => void): Promise<void>;
  /** Lets one on: who has waited longest, or else the next to come. */
  resume(): void;
  /** Resolves while somebody waits. */
  untilReached(): Promise<void>;
}

export function createPauses(): Pauses {
  const waiting: (() => void)[] = [];
  const watchers: (() => void)[] = [];
  let granted = 0;
  return {
    async pass(signal, tell) {
      if (granted > 0) {
        granted -= 1;
        return;
      }
      const aborted = whenAborted(signal);
      let go = (): void => {};
      const resumed = new Promise<void>((resolve) => (go = resolve));
      waiting.push(go);
      tell("paused");
      for (const reached of watchers.splice(0)) reached();
      await Promise.race([resumed, aborted.promise]);
      aborted.dispose();
      const place = waiting.indexOf(go);
      if (place >= 0) waiting.splice(place, 1);
      signal.throwIfAborted();
      tell("running");
    },
    resume() {
      const go = waiting.shift();
      if (go) go();
      else granted += 1;
    },
    untilReached: () => (waiting.length > 0 ? Promise.resolve() : new Promise((resolve) => watchers.push(resolve))),
  };
}
