import type { RunEvent } from "../chat/events.ts";
import type { Message } from "../chat/message.ts";

/** One SSE event before it has an id. `data` is the text as it goes on the wire. */
export interface Frame {
  readonly event?: string;
  readonly data: string;
}

/** Who is being worded: constant for a run, so that wording is a pure function of the log. */
export interface WordingContext {
  readonly runId: string;
  /** Milliseconds since 1970, of the run, never of the reader. */
  readonly createdAt: number;
}

/**
 * Words the events of one run in order. It may keep state, but only from the events it was given: two wordings of the
 * same log give the same frames, whoever reads, on whichever node, from wherever.
 * `start` (the first entry) and every terminal give at least one frame; another entry may give none.
 */
export type Wording = (event: RunEvent, sequence: number) => readonly Frame[];

export type WordingAlone = (event: RunEvent, sequence: number) => readonly Frame[] | undefined;

/** A vocabulary on the wire. One file each. */
export interface Dialect {
  readonly name: string;
  /** Sent with the response, beside the SSE headers. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * True when the known clients of this dialect come back by themselves after a cut. In a drain the readers of the
   * others stay until their terminal.
   */
  readonly resumes: boolean;
  /**
   * Query parameters by which a reader has frames put in another way: `ids` (`offset`, `uuid`) and `encoding` of the data
   * (`json`, `base64`, `br+base64`). It is done to the frames, after the wording. Default: none.
   */
  readonly parameters?: readonly ("ids" | "encoding")[];
  /** The text of an answer without frames, for `Accept: text/plain`: what its frames hold is sent as it is. */
  readonly bare?: Pick<Dialect, "alone" | "settles" | "quick" | "open">;
  /**
   * Words an entry without those before it: the frames that `open` gives, or undefined for one that takes more, as a
   * terminal does that repeats the whole answer. With it no reader goes through what it has, or holds a part of the
   * answer: what is undefined here is worded once for all. Without it every reader goes through all from the start.
   */
  alone?(context: WordingContext): WordingAlone;
  /**
   * Whether what came before an event makes no difference to how those after it are worded. For a dialect that words an
   * entry by one shortly before it: a wording is begun there. Default: it goes through all entries from the start.
   */
  settles?(event: RunEvent): boolean;
  /**
   * The frames of a terminal that `alone` leaves out because it repeats the answer, from that answer: what `open` gives
   * at the end. Of the message only text, files, metadata, usage and the way it ended are there. Without it, the whole
   * run is worded to get to its end.
   */
  final?(message: Message): readonly Frame[];
  /**
   * The one frame of an entry that is told from the entry's text alone, where that is cheaper than to parse it: what
   * `alone` gives for the event, or undefined.
   */
  readonly quick?: (entry: string, context: WordingContext) => Frame | undefined;
  open(context: WordingContext): Wording;
}
