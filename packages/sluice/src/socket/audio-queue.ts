/** What a client has sent and its handler has not taken yet. */
export interface AudioQueue extends AsyncIterable<Uint8Array> {
  /** Resolves when there is room for more: until then nothing more is read from the client. */
  push(chunk: Uint8Array): Promise<void>;
  /** Nothing more comes. What is there can still be taken. */
  end(): void;
  /** Nobody takes anything any more: what is there and what comes is dropped. Who waits is told the reason. */
  discard(reason: unknown): void;
}

/** From here on a client waits. Pieces count too: a thousand of one byte are not cheap. */
const HIGH_BYTES = 131_072;
const HIGH_CHUNKS = 1_024;

interface Waiter {
  readonly resolve: (step: IteratorResult<Uint8Array>) => void;
  readonly reject: (reason: unknown) => void;
}

type State = { readonly kind: "open" | "ended" } | { readonly kind: "discarded"; readonly reason: unknown };

export function createAudioQueue(): AudioQueue {
  const chunks: Uint8Array[] = [];
  const takers: Waiter[] = [];
  const pushers: (() => void)[] = [];
  let head = 0;
  let bytes = 0;
  let state: State = { kind: "open" };

  const isFull = (): boolean => bytes >= HIGH_BYTES || chunks.length - head >= HIGH_CHUNKS;

  function take(): Uint8Array | undefined {
    const chunk = chunks[head];
    if (chunk === undefined) return undefined;
    head += 1;
    bytes -= chunk.byteLength;
    // Shifting each time would move all that wait.
    if (head === chunks.length || head >= HIGH_CHUNKS) chunks.splice(0, head).length = head = 0;
    if (!isFull()) for (const go of pushers.splice(0)) go();
    return chunk;
  }

  function close(next: State): void {
    if (state.kind === "discarded" || state.kind === next.kind) return;
    state = next;
    for (const taker of takers.splice(0)) {
      if (next.kind === "discarded") taker.reject(next.reason);
      else taker.resolve({ value: undefined, done: true });
    }
    if (next.kind !== "discarded") return;
    chunks.length = head = bytes = 0;
    for (const go of pushers.splice(0)) go();
  }

  return {
    push(chunk) {
      if (state.kind !== "open") return Promise.resolve();
      const taker = takers.shift();
      if (taker) {
        taker.resolve({ value: chunk, done: false });
        return Promise.resolve();
      }
      chunks.push(chunk);
      bytes += chunk.byteLength;
      return isFull() ? new Promise((resolve) => pushers.push(resolve)) : Promise.resolve();
    },
    end: () => close({ kind: "ended" }),
    discard: (reason) => close({ kind: "discarded", reason }),
    [Symbol.asyncIterator]: () => ({
      next() {
        const chunk = take();
        if (chunk !== undefined) return Promise.resolve({ value: chunk, done: false });
        if (state.kind === "discarded") return Promise.reject(state.reason);
        if (state.kind === "ended") return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve, reject) => takers.push({ resolve, reject }));
      },
      // A handler that has heard enough: the client may go on talking, and nobody keeps what it says.
      return() {
        close({ kind: "discarded", reason: undefined });
        return Promise.resolve({ value: undefined, done: true });
      },
    }),
  };
}
