"use client";

import { useState, useSyncExternalStore } from "react";
import { createObjectStore, NO_OBJECT } from "./object-store.ts";
import type { ObjectSnapshot, SubmitObjectOptions, UseObjectOptions } from "./object.ts";
import { useLatest } from "./use-latest.ts";

export interface UseObjectResult<T> extends ObjectSnapshot<T> {
  /** Asks for an object. False, and nothing happens, for an empty prompt and while one is on its way. */
  readonly submit: (prompt: string, options?: SubmitObjectOptions) => boolean;
  /** Asks the server to end the answer. What has come stays. */
  readonly stop: () => void;
  readonly isLoading: boolean;
}

/**
 * An answer that is JSON, shown while it is made: fields appear as they come. Options are those of the last render. When
 * the component goes, the run goes on.
 */
export function useObject<T = unknown>(options: UseObjectOptions<T> = {}): UseObjectResult<T> {
  const latest = useLatest(options);
  const [store] = useState(() => createObjectStore<T>(() => latest.current));
  const snapshot = useSyncExternalStore<ObjectSnapshot<T>>(store.subscribe, store.getSnapshot, nothing);
  const isLoading = snapshot.status === "submitted" || snapshot.status === "streaming";
  return { ...snapshot, isLoading, submit: store.submit, stop: store.stop };
}

function nothing(): ObjectSnapshot<never> {
  return NO_OBJECT;
}
