"use client";

import { useEffect, useReducer } from "react";
import { createEventSourceStore, NOT_CONNECTED } from "./event-source-store.ts";
import type { EventSourceSnapshot, UseEventSourceOptions } from "./event-source.ts";
import { useKeyed } from "./use-keyed.ts";
import { useLatest } from "./use-latest.ts";

export interface UseEventSourceResult<T> extends EventSourceSnapshot<T> {
  /** Closes for good; `reconnect` opens it again. */
  readonly close: () => void;
  /** Leaves the connection there may be for a new one, after the last event; anew where the stream was complete. */
  readonly reconnect: () => void;
}

/** What `JSON.parse` says it returns. */
type ParsedJson = ReturnType<typeof JSON.parse>;

/**
 * Reads an event stream as long as the component is there: over breaks of the connection, each event once.
 * @param url another one is another stream; null closes it
 */
export function useEventSource<T = ParsedJson>(
  url: string | URL | null,
  options: UseEventSourceOptions = {},
): UseEventSourceResult<T> {
  const latest = useLatest(options);
  const key = url === null ? null : String(url);
  const store = useKeyed(key, () => (key === null ? undefined : createEventSourceStore<T>(key, () => latest.current)));
  // No `useSyncExternalStore`: the store belongs to this component alone, and in React 18 that hook would not commit
  // together with what the handlers set.
  const [, render] = useReducer((count: number) => count + 1, 0);
  useEffect(() => store?.subscribe(render), [store]);
  const snapshot = store?.getSnapshot() ?? NOT_CONNECTED;
  return { ...snapshot, close: store?.close ?? nothing, reconnect: store?.reconnect ?? nothing };
}

function nothing(): void {}
