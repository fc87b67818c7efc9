import { useSyncExternalStore } from "react";

/** The run that it names. What somebody typed may be no encoded text: then it is taken as it is. */
export function runOfHash(hash: string): string | undefined {
  const named = /^#\/runs\/(.+)$/.exec(hash)?.[1];
  try {
    return named === undefined ? undefined : decodeURIComponent(named);
  } catch {
    return named;
  }
}

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
