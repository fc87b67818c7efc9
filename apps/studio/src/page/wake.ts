import type { WakeSource } from "sluice/client";

export interface ManualWake extends WakeSource {
  /** Somebody does not want to wait any longer. */
  readonly now: () => void;
}

/** Ends a wait for the next attempt: the network is back, the page is shown again, or a button was pressed. */
export function createWake(page: Window): ManualWake {
  const wakers = new Set<Parameters<WakeSource["subscribe"]>[0]>();
  return {
    now() {
      for (const wake of wakers) wake();
    },
    online: () => page.navigator.onLine,
    subscribe(wake) {
      const onOnline = (): void => wake("online");
      const onShown = (): void => {
        if (page.document.visibilityState === "visible") wake();
      };
      wakers.add(wake);
      page.addEventListener("online", onOnline);
      page.addEventListener("pageshow", onShown);
      page.document.addEventListener("visibilitychange", onShown);
      return () => {
        wakers.delete(wake);
        page.removeEventListener("online", onOnline);
        page.removeEventListener("pageshow", onShown);
        page.document.removeEventListener("visibilitychange", onShown);
      };
    },
  };
}
