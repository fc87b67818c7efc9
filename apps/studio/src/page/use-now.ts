import { useLayoutEffect, useState } from "react";

/** The time, anew every so many milliseconds; as it was at first while there is nothing to wait for. */
export function useNow(everyMs: number | undefined): number {
  const [now, setNow] = useState(() => Date.now());
  // Before it is seen: what counts down would begin with the time that has passed since the last tick.
  useLayoutEffect(() => {
    if (everyMs === undefined) return undefined;
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    setNow(Date.now());
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
