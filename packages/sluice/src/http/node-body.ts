import type { Clock } from "../base/clock.ts";
import { breakOff } from "./break-off.ts";
import type { Deadline, DeadlineLink, Deadlines } from "./delivery/deadlines.ts";
import { offGone, onGone, writeTo, type Exchange } from "./node.ts";

export interface BodyTarget extends Exchange {
  readonly clock: Clock;
  /** Those who have taken nothing of what was written for so long that they count as gone. */
  readonly stalls: Deadlines;
}

/**
 * The body of an answer that is large, or comes by and by. It waits while the connection is full; a client that takes
 * nothing for too long is broken off.
 */
export class NodeBody implements Deadline {
  link: DeadlineLink | undefined;
  readonly #to: BodyTarget;
  readonly #left: () => void;
  #gone = false;
  #goOn = (): void => {};

  /** @param left called once, when nobody is to be sent the rest */
  constructor(to: BodyTarget, left: () => void) {
    this.#to = to;
    this.#left = left;
    onGone(to, this.#leave);
    to.res.on("drain", this.#proceed);
  }

  get gone(): boolean {
    // Somebody else may have ended it: Node throws where nobody catches it when more is written then.
    if (this.#to.res.writableEnded) this.#leave();
    return this.#gone;
  }

  /** Resolves when there is room for more, or nobody takes it. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.gone || writeTo(this.#to.res, bytes)) return;
    await this.#proceeds();
  }

  /** Resolves when all was sent, or nobody takes it. */
  async end(): Promise<void> {
    if (this.gone) return;
    const { res } = this.#to;
    // A response of HTTP/2 says so only when its request is over, too.
    const sent = "stream" in res ? res.stream : res;
    sent.once("finish", this.#proceed);
    res.end();
    await this.#proceeds();
  }

  breakOff(): void {
    if (this.gone) return;
    this.#leave();
    const { req, res, clock } = this.#to;
    breakOff(req, res, clock);
  }

  /** Lets go of the response. */
  close(): void {
    this.#to.stalls.stop(this);
    offGone(this.#to, this.#leave);
    this.#to.res.removeListener("drain", this.#proceed);
  }

  onSilence(): void {
    const { req, res, clock, stalls } = this.#to;
    // Behind another answer on the connection nothing could be taken, and to break it off would break off both.
    if (!("stream" in res) && res.socket === null) return stalls.touch(this);
    this.#leave();
    breakOff(req, res, clock);
  }

  readonly #proceed = (): void => this.#goOn();

  readonly #leave = (): void => {
    if (this.#gone) return;
    this.#gone = true;
    this.#left();
    this.#goOn();
  };

  async #proceeds(): Promise<void> {
    if (this.#gone) return;
    const { stalls } = this.#to;
    stalls.touch(this);
    await new Promise<void>((resolve) => (this.#goOn = resolve));
    stalls.stop(this);
  }
}
