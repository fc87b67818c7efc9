/** Tells a waiting stream that trying now is worth more than waiting on. */
export interface WakeSource {
  /** The function returned takes the subscription back. */
  subscribe(wake: () => void): () => void;
  /** False only when there is surely no network. */
  online(): boolean;
}

/** The network is back, the page is shown again (also from the back/forward cache). Silent outside of browsers. */
export const browserWake: WakeSource = {
  subscribe(wake) {
    if (typeof globalThis.addEventListener !== "function") return () => {};
    const page = typeof document === "object" ? document : undefined;
    const onVisibility = (): void => {
      if (page?.visibilityState === "visible") wake();
    };
    globalThis.addEventListener("online", wake);
    globalThis.addEventListener("pageshow", wake);
    page?.addEventListener("visibilitychange", onVisibility);
    return () => {
      globalThis.removeEventListener("online", wake);
      globalThis.removeEventListener("pageshow", wake);
      page?.removeEventListener("visibilitychange", onVisibility);
    };
  },
  online: () => typeof navigator !== "object" || navigator.onLine !== false,
};
