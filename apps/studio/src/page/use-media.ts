import { useCallback, useSyncExternalStore } from "react";

export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const media = matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => matchMedia(query).matches);
}

/** There is room for the list beside the chat. */
export const WIDE = "(min-width: 56rem)";
/** A keyboard does not cover the page when a field has the focus. */
export const FINE_POINTER = "(pointer: fine)";
