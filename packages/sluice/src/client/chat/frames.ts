import type { ChatPage } from "./types.ts";

/** Runs once, soon. */
export type Soon = (run: () => void) => void;

const HIDDEN_MS = 100;

/**
 * The next animation frame, or 100 ms, whichever is first: a page that is hidden has no frames, also when it is hidden
 * just after one was asked for. Outside of browsers the timer alone.
 */
export function nextFrame(run: () => void): void {
  let done = false;
  const once = (): void => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    if (frame !== undefined) cancelAnimationFrame(frame);
    run();
  };
  const timer = setTimeout(once, HIDDEN_MS);
  const frame = typeof requestAnimationFrame === "function" ? requestAnimationFrame(once) : undefined;
}

/**
 * For what other tabs wait for. Timers of a hidden page come once a second, or once a minute; messages are not held up:
 * then it is the end of this turn of the event loop.
 */
export function createRelayTime(page: ChatPage, frame: Soon): Soon {
  return (run) => {
    if (page.visible() || typeof MessageChannel !== "function") return frame(run);
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener("message", () => {
      port1.close();
      run();
    });
    port1.start();
    port2.postMessage(null);
  };
}

/** At most one call in a frame, however often it is asked for. */
export interface Coalesced {
  /** Soon. */
  request(): void;
  /** Now; what was asked for is done by it. */
  flush(): void;
}

export function coalesce(soon: Soon, run: () => void): Coalesced {
  let asked = false;
  return {
    request() {
      if (asked) return;
      asked = true;
      soon(() => {
        if (!asked) return;
        asked = false;
        run();
      });
    },
    flush() {
      asked = false;
      run();
    },
  };
}
