/** Tells a stream that trying now is worth more than waiting on. */
export interface WakeSource {
  /**
   * The function returned takes the subscription back. `online` says that the network is another one; without it a
   * connection that is open, and was heard of lately, stays.
   */
  subscribe(wake: (reason?: "online") => void): () => void;
  /** False only when there is surely no network. */
  online(): boolean;
}

/** The network is back, the page is shown again (also from the back/forward cache). Silent outside of browsers. */
export const browserWake: WakeSource = {
  subscribe(wake) {
    if (typeof globalThis.addEventListener !== "function") return () => {};
    const page = typeof document === "object" ? document : undefined;
    const onOnline = (): void => wake("online");
    const onShown = (): void => {
      if (page?.visibilityState !== "hidden") wake();
    };
    globalThis.addEventListener("online", onOnline);
    globalThis.addEventListener("pageshow", onShown);
    page?.addEventListener("visibilitychange", onShown);
    return () => {
      globalThis.removeEventListener("online", onOnline);
      globalThis.removeEventListener("pageshow", onShown);
      page?.removeEventListener("visibilitychange", onShown);
    };
  },
  online: () => typeof navigator !== "object" || navigator.onLine !== false,
};
