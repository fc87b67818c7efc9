import { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { SluiceError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import { breakOff } from "./break-off.ts";
import type { Deadline, DeadlineLink } from "./delivery/deadlines.ts";
import { pieceOf, type Piece } from "./delivery/piece.ts";
import type { PieceSource } from "./delivery/source.ts";
import { HEARTBEAT, greeting } from "./greeting.ts";
import { offGone, onGone, writeTo, type Exchange } from "./node.ts";
import type { EventStream, StreamReader } from "./types.ts";

export interface StreamTarget extends Exchange {
  readonly clock: Clock;
}

/**
 * One stream on one connection: takes from its source while the connection has room, and nothing while it has not.
 * @param done called once, when the answer is complete, broken off or the reader has left
 */
export class NodeStream implements StreamReader, Deadline {
  link: DeadlineLink | undefined;
  readonly #events: EventStream;
  readonly #to: StreamTarget;
  readonly #done: () => void;
  readonly #source: PieceSource;
  /** Set where chunks go to the socket itself. */
  #socket: Socket | undefined;
  #stall: Deadline | undefined;
  #state: "open" | "ending" | "over" = "open";
  #full = false;
  #betweenFrames = true;
  #writes = 0;
  #bytes = 0;

  /** @throws what `open` of the stream throws */
  constructor(events: EventStream, to: StreamTarget, done: () => void) {
    this.#events = events;
    this.#to = to;
    this.#done = done;
    this.#source = events.open(this);
  }

  /** Once. The headers are set already. */
  start(): void {
    const { wire, retryMs, heartbeats, bare } = this.#events;
    const { res } = this.#to;
    try {
      this.#socket = sendHead(this.#to);
      if (wire?.head) this.#send(wire.head);
      if (bare !== true) this.#write(pieceOf(greeting(retryMs)));
      else if (!this.#socket) flushHead(res);
      onGone(this.#to, this.#leave);
      (this.#socket ?? res).on("drain", this.#drain);
      heartbeats.touch(this);
      this.#pump();
    } catch (error) {
      this.fail(error);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  wake(): void {
    try {
      this.#pump();
    } catch (error) {
      // Of somebody who wraps the response. Those who are woken after this one are not to miss it.
      this.fail(error);
    }
  }

  #pump(): void {
    if (this.#full || !this.#isOurs()) return;
    while (!this.#full && this.#state === "open") {
      const piece = this.#source.take();
      // The end of the answer goes out with its last frames: `end` of the response uncorks.
      if (this.#source.ended) this.#socket?.cork();
      if (piece) {
        this.#write(piece);
        this.#events.heartbeats.touch(this);
      }
      if (this.#source.ended) this.#end();
      else if (!piece) return;
    }
  }

  fail(error: unknown, lastFrame?: string): void {
    // Sent elsewhere, though it has everything: its last bytes are under way.
    if (this.#state === "ending" ? lastFrame !== undefined : !this.#isOurs()) return;
    const { req, res, clock } = this.#to;
    try {
      if (lastFrame !== undefined && this.#betweenFrames && !this.#full) this.#write(pieceOf(lastFrame));
    } catch {
      // As in `wake`. It is broken off in any case.
    }
    this.#over({ error, left: false });
    breakOff(req, res, clock);
  }

  /** After the silence of a heartbeat. */
  onSilence(): void {
    if (!this.#isOurs()) return;
    try {
      this.#events.wire?.rest();
      if (this.#events.bare !== true && this.#betweenFrames && !this.#full) this.#write(BEAT);
      this.#events.heartbeats.touch(this);
    } catch (error) {
      this.fail(error); // as in `wake`
    }
  }

  #write(piece: Piece): void {
    const { wire } = this.#events;
    this.#betweenFrames = piece.endsFrame;
    this.#writes += 1;
    this.#bytes += piece.bytes.byteLength;
    this.#send(wire ? wire.write(piece) : piece, piece.bytes.byteLength);
  }

  /** Somebody else may have ended the answer: what is written to the socket then would be part of the next one. */
  #isOurs(): boolean {
    if (this.#state === "open" && this.#to.res.writableEnded) this.#over({ left: true });
    return this.#state === "open";
  }

  /** @param frames bytes of frames in it; what only compression needs has none */
  #send(piece: Piece, frames = 0): void {
    this.#events.meter.sent(frames, piece.bytes.byteLength);
    const socket = this.#socket;
    this.#full = !(socket ? socket.write(piece.chunk) : writeTo(this.#to.res, piece.bytes));
    if (this.#full) this.#startStall();
  }

  readonly #leave = (): void => this.#over({ left: true });

  readonly #drain = (): void => {
    // Whoever wraps a response may say it when nothing has been written.
    if (!this.#full || this.#state !== "open") return;
    this.#full = false;
    if (this.#stall) this.#events.stalls.stop(this.#stall);
    this.#events.heartbeats.touch(this);
    this.wake();
  };

  #startStall(): void {
    this.#stall ??= { link: undefined, onSilence: () => this.#onStall() };
    this.#events.stalls.touch(this.#stall);
  }

  #onStall(): void {
    const { res } = this.#to;
    // Behind another answer on the connection nothing could be taken, and to break it off would break off both.
    if (!("stream" in res) && res.socket === null) this.#startStall();
    else this.fail(stalled());
  }

  #end(): void {
    this.#state = "ending";
    this.#events.heartbeats.stop(this);
    const { res } = this.#to;
    res.once("finish", () => this.#over({ left: false }));
    this.#startStall();
    if (this.#events.wire) this.#send(this.#events.wire.end());
    res.end();
  }

  #over(outcome: { readonly error?: unknown; readonly left: boolean }): void {
    if (this.#state === "over") return;
    this.#state = "over";
    const { res } = this.#to;
    this.#events.heartbeats.stop(this);
    if (this.#stall) this.#events.stalls.stop(this.#stall);
    (this.#socket ?? res).removeListener("drain", this.#drain);
    offGone(this.#to, this.#leave);
    this.#source.close();
    this.#events.closed({ ...outcome, writes: this.#writes, bytes: this.#bytes });
    this.#done();
  }
}

const BEAT: Piece = pieceOf(HEARTBEAT);

/**
 * Sends the head. Where the answer goes out in chunks of HTTP/1.1, and nobody else has a hand in it (a middleware that
 * compresses wraps `write`), the socket is returned: chunks are framed here then, once for all readers, and go out in
 * one write each. Through the response each would be three buffers and an allocation.
 */
function sendHead({ res }: StreamTarget): Socket | undefined {
  if ("stream" in res || !(res instanceof ServerResponse) || res.socket === null) return undefined;
  const { write, end } = ServerResponse.prototype;
  if (res.write !== write || res.end !== end) return undefined;
  const { socket } = res;
  // By itself, though in one packet with what follows: as the beginning of something longer Node would keep the head in
  // the thirty pieces that it was made of.
  socket.cork();
  process.nextTick(() => socket.uncork());
  res.flushHeaders();
  return res.chunkedEncoding ? socket : undefined;
}

/** For an answer that may say nothing for a while. */
export function flushHead(res: Exchange["res"]): void {
  // On HTTP/1.1 `headersSent` only says that they are written, and twice is fine. HTTP/2 would throw.
  if (!("stream" in res)) res.flushHeaders();
  else if (!res.headersSent) res.writeHead(res.statusCode);
}

function stalled(): SluiceError {
  return new SluiceError("reader/stalled", "The reader took nothing for too long.");
}
