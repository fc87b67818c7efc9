import { SluiceError } from "../base/errors.ts";
import { formatOffset } from "../base/offset.ts";

// What a store answers when it says no: the same words whichever store it is.

export function notFound(id: string): SluiceError {
  return new SluiceError("log/not-found", "There is no such log.", { details: { id } });
}

export function fenced(fence: number): SluiceError {
  return new SluiceError("log/fenced", "Another producer has taken this log over.", { details: { fence } });
}

export function leaseHeld(): SluiceError {
  return new SluiceError("log/lease-held", "Another producer holds the lease.");
}

export function closed(): SluiceError {
  return new SluiceError("log/closed", "The log is closed: nothing can follow its terminal.");
}

export function conflict(expected: number | undefined, last: number): SluiceError {
  return new SluiceError("log/conflict", `The log ends at entry ${last}, not at ${expected}.`, {
    details: { expected, last },
  });
}

/** @param last the last entry that is left of those that were acknowledged */
export function rewound(last: number): SluiceError {
  return new SluiceError("log/rewound", "The store lost parts of this log in a fail-over.", { details: { last } });
}

export function tooManyBytes(maxBytes: number): SluiceError {
  return new SluiceError("log/max-bytes", `The log may hold ${maxBytes} bytes.`, { details: { maxBytes } });
}

export function tooManyEntries(maxEntries: number): SluiceError {
  return new SluiceError("log/max-entries", `The log may hold ${maxEntries} entries.`, { details: { maxEntries } });
}

export function beyondEnd(after: number, last: number): SluiceError {
  return new SluiceError("offset/beyond-end", `Offset ${formatOffset(after)} is beyond the end of the log.`, {
    details: { last: formatOffset(last) },
  });
}

/** @param first the first entry that still exists */
export function gap(first: number): SluiceError {
  return new SluiceError("log/gap", "Entries after this offset are no longer kept.", {
    details: { first: formatOffset(first) },
  });
}

export function released(): SluiceError {
  return new SluiceError("log/released", "The store has been let go of.");
}

export function noSuchPage(): SluiceError {
  return new SluiceError("request/invalid", "`before` is not the `next` of a page.", { details: { field: "before" } });
}
