import { isSluiceError, publicError } from "../base/errors.ts";
import type { Meter } from "../base/meter.ts";
import type { Wire } from "./compress/wire.ts";
import type { Deadlines } from "./delivery/deadlines.ts";
import type { PieceSource } from "./delivery/source.ts";
import type { Seat } from "./limits.ts";
import { readerLeft } from "./reply.ts";
import type { Reader } from "./readers.ts";
import type { Service } from "./service.ts";
import type { EventStream, ReaderOutcome, StreamReader } from "./types.ts";

/** A stream to one reader, whatever it is of. A class, and small: there is one for each connection. */
export abstract class ReaderStream implements EventStream, Reader {
  seat: Seat | undefined;
  readonly wire: Wire | undefined;
  abstract readonly resumes: boolean;
  abstract readonly endless: boolean;
  protected readonly service: Service;
  readonly #startedAt: number;
  #reader: StreamReader | undefined;

  constructor(service: Service, wire: Wire | undefined) {
    this.service = service;
    this.wire = wire;
    this.#startedAt = service.clock.now();
  }

  /** Called once. */
  protected abstract begin(reader: StreamReader): PieceSource;

  /** Whether the reader has a part already; asked before `begin`. */
  protected abstract readonly resumed: boolean;

  /** For the log: what is read. */
  protected abstract readonly subject: Readonly<Record<string, string>>;

  /** It is over for a reader that had begun. @param code as `ReaderObserver.left` has it */
  protected onLeft(_code: string): void {}

  /** Of frames, so far; 0 when it is over. */
  get bytes(): number {
    return this.#reader?.bytes ?? 0;
  }

  get retryMs(): number {
    return this.service.retryMs;
  }

  get heartbeats(): Deadlines {
    return this.service.heartbeats;
  }

  get stalls(): Deadlines {
    return this.service.stalls;
  }

  get meter(): Meter {
    return this.service.meter;
  }

  open(reader: StreamReader): PieceSource {
    const { resumed } = this;
    this.#reader = reader;
    this.seat?.arrive();
    this.service.readers.add(this);
    this.meter.readerJoined(resumed);
    try {
      return this.begin(reader);
    } catch (error) {
      this.closed({ error, left: false, writes: 0, bytes: 0 });
      throw error;
    }
  }

  breakOff(reason: unknown, lastFrame?: string): void {
    this.#reader?.fail(reason, lastFrame);
  }

  closed({ error, left, writes, bytes }: ReaderOutcome): void {
    const { clock, log, meter, readers } = this.service;
    const ms = clock.now() - this.#startedAt;
    const fields = { ...this.subject, chunks: writes, bytes, ms };
    if (this.#reader) {
      const ended = error === undefined ? "end" : publicError(error).code;
      const code = left ? "reader-left" : ended;
      this.onLeft(code);
      this.#reader = undefined;
      readers.remove(this);
      meter.readerLeft(code, ms);
    }
    this.wire?.close();
    this.seat?.leave();
    if (left) readerLeft(log, fields);
    else if (error !== undefined) {
      const level = isSluiceError(error, "run/draining") ? "info" : "error";
      log(level, "reader interrupted", { code: publicError(error).code, ...fields, error });
    }
  }
}
