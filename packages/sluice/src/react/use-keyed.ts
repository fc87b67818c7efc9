import { useState } from "react";

/** The same thing until the key is another one. Unlike a memo, it is never forgotten and made anew. */
export function useKeyed<T>(key: unknown, make: () => T): T {
  const [held, setHeld] = useState(() => ({ key, value: make() }));
  if (Object.is(held.key, key)) return held.value;
  const next = { key, value: make() };
  setHeld(next);
  return next.value;
}
