import type { Deadline, DeadlineLink } from "./delivery/deadlines.ts";
import { pieceOf, type Piece } from "./delivery/piece.ts";
import type { PieceSource } from "./delivery/source.ts";
import { HEARTBEAT, greeting } from "./greeting.ts";
import type { EventStream, ReaderOutcome, StreamReader } from "./types.ts";

/**
 * Pulled by whoever reads the body, so a slow reader holds one piece, and a body that is never read costs nothing.
 * An unfinished answer ends with an error of the stream, which servers turn into a broken connection, never with a
 * normal end (promise 3).
 */
export function webStream(events: EventStream, gone: AbortSignal): ReadableStream<Uint8Array> {
  let body: Body | undefined;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (body) return body.pull();
        body = new Body(events, gone, controller);
        // Where there was no greeting the first read is still to be answered.
        return events.bare === true ? body.pull() : undefined;
      },
      cancel(reason) {
        if (body) body.leave(reason);
        else events.closed({ error: reason, left: true, writes: 0, bytes: 0 });
      },
    },
    { highWaterMark: 0 },
  );
}

type Outcome = Pick<ReaderOutcome, "error" | "left">;

class Body implements StreamReader, Deadline {
  link: DeadlineLink | undefined;
  readonly #events: EventStream;
  readonly #gone: AbortSignal;
  readonly #controller: ReadableStreamDefaultController<Uint8Array>;
  readonly #source: PieceSource;
  /** Somebody waits for a piece. */
  #wanted: (() => void) | undefined;
  #over = false;
  #betweenFrames = true;
  #writes = 0;
  #bytes = 0;

  constructor(events: EventStream, gone: AbortSignal, controller: ReadableStreamDefaultController<Uint8Array>) {
    this.#events = events;
    this.#gone = gone;
    this.#controller = controller;
    this.#source = events.open(this);
    if (events.wire?.head) this.#enqueue(events.wire.head);
    if (events.bare !== true) this.#send(pieceOf(greeting(events.retryMs)));
    // Not every server cancels the body of a client that has gone.
    gone.addEventListener("abort", this.#onGone, { once: true });
    if (gone.aborted) this.#onGone();
  }

  /** Resolves when there is a piece in the stream, or it is over. */
  pull(): Promise<void> {
    return new Promise((resolve) => {
      this.#wanted = resolve;
      this.wake();
    });
  }

  get bytes(): number {
    return this.#bytes;
  }

  wake(): void {
    try {
      this.#pump();
    } catch (error) {
      // Of a store, say. Those who are woken after this one are not to miss it.
      this.fail(error);
    }
  }

  #pump(): void {
    if (!this.#wanted || this.#over) return;
    const piece = this.#source.take();
    if (piece) this.#send(piece);
    else if (this.#source.ended) {
      if (this.#events.wire) this.#enqueue(this.#events.wire.end());
      this.#end({ left: false });
      this.#controller.close();
    } else return;
    this.#answer();
  }

  fail(error: unknown): void {
    this.#break({ error, left: false });
  }

  leave(reason: unknown): void {
    this.#end({ error: reason, left: true });
  }

  onSilence(): void {
    this.#events.wire?.rest();
    // Below zero something waits already: the silence is the reader's own.
    const { bare } = this.#events;
    if (bare !== true && this.#betweenFrames && (this.#controller.desiredSize ?? -1) >= 0) this.#send(BEAT);
    else this.#events.heartbeats.touch(this);
  }

  readonly #onGone = (): void => this.#break({ error: this.#gone.reason, left: true });

  #send(piece: Piece): void {
    this.#betweenFrames = piece.endsFrame;
    this.#writes += 1;
    this.#bytes += piece.bytes.byteLength;
    const { wire, heartbeats } = this.#events;
    this.#enqueue(wire ? wire.write(piece) : piece, piece.bytes.byteLength);
    heartbeats.touch(this);
  }

  /** @param frames bytes of frames in it; what only compression needs has none */
  #enqueue({ bytes }: Piece, frames = 0): void {
    this.#events.meter.sent(frames, bytes.byteLength);
    // A copy: it is the reader's from now on, who may change it or give it to another thread.
    this.#controller.enqueue(new Uint8Array(bytes));
  }

  #break(outcome: Outcome): void {
    if (this.#over) return;
    this.#end(outcome);
    this.#controller.error(outcome.error);
    this.#answer();
  }

  #end(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.heartbeats.stop(this);
    this.#gone.removeEventListener("abort", this.#onGone);
    this.#source.close();
    this.#events.closed({ ...outcome, writes: this.#writes, bytes: this.#bytes });
  }

  #answer(): void {
    const resolve = this.#wanted;
    this.#wanted = undefined;
    resolve?.();
  }
}

const BEAT: Piece = pieceOf(HEARTBEAT);
