import type { Piece } from "./piece.ts";
import type { Listener, PieceSource } from "./source.ts";

/** A generator of pieces as a source: the next one is asked for when the last one was taken. */
export class GeneratorSource implements PieceSource {
  ended = false;
  readonly #listener: Listener;
  readonly #left = new AbortController();
  readonly #pieces: AsyncGenerator<Piece>;
  #next: Piece | undefined;
  #busy = false;

  constructor(open: (signal: AbortSignal) => AsyncGenerator<Piece>, listener: Listener) {
    this.#listener = listener;
    this.#pieces = open(this.#left.signal);
  }

  take(): Piece | undefined {
    const piece = this.#next;
    this.#next = undefined;
    if (piece === undefined && !this.#busy && !this.ended && !this.#left.signal.aborted) void this.#pull();
    return piece;
  }

  close(): void {
    if (this.#left.signal.aborted) return;
    this.#left.abort();
    // Waits for a step that is under way, and lets go of the log where there is none.
    void this.#pieces.return(undefined).catch(() => {});
  }

  async #pull(): Promise<void> {
    this.#busy = true;
    try {
      const step = await this.#pieces.next();
      if (this.#left.signal.aborted) return;
      if (step.done === true) this.ended = true;
      else this.#next = step.value;
      this.#busy = false;
      this.#listener.wake();
    } catch (error) {
      if (!this.#left.signal.aborted) this.#listener.fail(error);
    }
  }
}
