import { useSyncExternalStore } from "react";

/** The part of the address that says what is shown: reload and the back button keep it. */
export function useHash(): string {
  return useSyncExternalStore(
    (listener) => {
      addEventListener("hashchange", listener);
      return () => removeEventListener("hashchange", listener);
    },
    () => location.hash,
  );
}
