import { SluiceError } from "../base/errors.ts";
import { formatOffset, parsePosition } from "../base/offset.ts";

/** A place in a topic: after the event of this number. Numbers rise, and may leave some out. */
export interface Place {
  /** Which making of the topic: another one says nothing of where this one was. 16 hex digits. */
  readonly epoch: string;
  readonly sequence: number;
}

const PLACE = /^([0-9a-f]{16})_(.+)$/;

/** As it travels: `<epoch>_<offset>`. */
export function formatPlace({ epoch, sequence }: Place): string {
  return `${epoch}_${formatOffset(sequence)}`;
}

/** @throws SluiceError `offset/malformed` */
export function parsePlace(text: string): Place {
  const [, epoch = "", offset = ""] = PLACE.exec(text) ?? [];
  // What is no place has no offset either, and is shown as it came.
  const { sequence, skip } = parsePosition(epoch === "" ? text : offset);
  if (epoch !== "" && skip === 0) return { epoch, sequence };
  throw new SluiceError("offset/malformed", "This Last-Event-ID is none of a topic.", {
    details: { field: "Last-Event-ID" },
  });
}
