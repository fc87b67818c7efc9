import { useInsertionEffect, useRef } from "react";

/** What the last commit was given; for callbacks, which may be other functions in each render. */
export function useLatest<T>(value: T): { readonly current: T } {
  const ref = useRef(value);
  useInsertionEffect(() => {
    ref.current = value;
  });
  return ref;
}
