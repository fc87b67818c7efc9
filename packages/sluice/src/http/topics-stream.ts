import type { Hub, Subscription, TopicEvent } from "../hub/index.ts";
import { encodeEvent } from "../sse/index.ts";
import type { Wire } from "./compress/wire.ts";
import { pieceOf, type Piece } from "./delivery/piece.ts";
import type { PieceSource } from "./delivery/source.ts";
import { ReaderStream } from "./reader-stream.ts";
import type { Service } from "./service.ts";
import type { StreamReader } from "./types.ts";

/** Events that were made into one piece, by the first of them: those who are at one place share it while it is sent. */
export type TopicPieces = WeakMap<TopicEvent, WeakRef<Batch>>;

interface Batch {
  readonly events: number;
  readonly piece: Piece;
}

export interface TopicStreamOptions {
  readonly hub: Pick<Hub, "open">;
  readonly pieces: TopicPieces;
  /** As the hub knows it. */
  readonly key: string;
  /** As the reader asked for it. */
  readonly name: string;
  readonly from: string;
  readonly resumed: boolean;
  readonly who: string | undefined;
}

/** The stream of a topic to one reader. It has no end of its own. */
export class TopicStream extends ReaderStream {
  readonly resumes = true;
  readonly endless = true;
  protected override readonly resumed: boolean;
  protected override readonly subject: Readonly<Record<string, string>>;
  readonly #options: TopicStreamOptions;

  constructor(service: Service, options: TopicStreamOptions, wire: Wire | undefined) {
    super(service, wire);
    this.#options = options;
    this.resumed = options.resumed;
    this.subject = { topic: options.key };
  }

  protected override begin(reader: StreamReader): PieceSource {
    return new TopicSource(this.#options, reader);
  }
}

// Characters of the events of one piece, but for one that is larger alone.
const PIECE_LENGTH = 16_384;

class TopicSource implements PieceSource {
  readonly ended = false;
  readonly #subscription: Subscription;
  readonly #pieces: TopicPieces;
  #greeting: Piece | undefined;
  /** Taken, and too large for the last piece. */
  #next: TopicEvent | undefined;

  constructor({ hub, key, name, from, who, pieces }: TopicStreamOptions, reader: StreamReader) {
    this.#pieces = pieces;
    // Its id is where to come back to when nothing else has come yet.
    this.#greeting = pieceOf(encodeEvent({ event: "connected", id: from, data: { topic: name } }));
    this.#subscription = hub.open(key, { from, who, wake: () => reader.wake() });
  }

  take(): Piece | undefined {
    const greeting = this.#greeting;
    this.#greeting = undefined;
    if (greeting) return greeting;
    const first = this.#next ?? this.#subscription.take();
    this.#next = undefined;
    return first && (this.#known(first) ?? this.#make(first));
  }

  close(): void {
    this.#subscription.close();
  }

  #known(first: TopicEvent): Piece | undefined {
    const batch = this.#pieces.get(first)?.deref();
    for (let more = 1; more < (batch?.events ?? 0); more += 1) this.#subscription.take();
    return batch?.piece;
  }

  #make(first: TopicEvent): Piece {
    let text = encode(first);
    let events = 1;
    for (let event = this.#subscription.take(); event; event = this.#subscription.take()) {
      const frame = encode(event);
      if (text.length + frame.length > PIECE_LENGTH) {
        this.#next = event;
        break;
      }
      text += frame;
      events += 1;
    }
    const piece = pieceOf(text);
    this.#pieces.set(first, new WeakRef({ events, piece }));
    return piece;
  }
}

function encode({ event, id, data }: TopicEvent): string {
  return encodeEvent({ event, id, data });
}
