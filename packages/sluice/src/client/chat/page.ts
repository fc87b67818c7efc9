import type { ChatPage } from "./types.ts";

/** Outside of browsers: somebody looks, and nothing ever happens. */
export const browserPage: ChatPage = {
  visible: () => typeof document !== "object" || document.visibilityState !== "hidden",
  subscribe(listener) {
    if (typeof globalThis.addEventListener !== "function") return () => {};
    const page = typeof document === "object" ? document : undefined;
    const onLeave = (): void => listener("left");
    const onShow = (): void => listener("shown");
    const onVisibility = (): void => listener(browserPage.visible() ? "shown" : "hidden");
    globalThis.addEventListener("pagehide", onLeave);
    globalThis.addEventListener("pageshow", onShow);
    page?.addEventListener("visibilitychange", onVisibility);
    return () => {
      globalThis.removeEventListener("pagehide", onLeave);
      globalThis.removeEventListener("pageshow", onShow);
      page?.removeEventListener("visibilitychange", onVisibility);
    };
  },
};
