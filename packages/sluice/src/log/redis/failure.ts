import { SluiceError } from "../../base/errors.ts";
import { formatOffset } from "../../base/offset.ts";
import { closed, conflict, fenced, leaseHeld, notFound, rewound, tooManyBytes, tooManyEntries } from "../refusals.ts";
import type { AppendAt } from "../types.ts";
import type { Reply } from "./reply.ts";

/**
 * What a failure of Redis means. `passing`: a connection that broke, a fail-over, a server that loads: worth asking
 * again. `lasting`: somebody has to do something. `foreign`: a mistake in this store, or in the keys.
 */
export type FailureKind = "passing" | "lasting" | "foreign";

const PASSING: ReadonlySet<string> = new Set(["READONLY", "LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "BUSY"]);
const LASTING: ReadonlySet<string> = new Set(["MISCONF", "OOM", "NOREPLICAS", "NOAUTH", "WRONGPASS", "NOPERM"]);

const REPLIES: ReadonlySet<string> = new Set(["ReplyError", "SimpleError", "ErrorReply"]);

export function kindOf(error: unknown): FailureKind {
  const word = replyCode(error);
  if (PASSING.has(word)) return "passing";
  if (LASTING.has(word)) return "lasting";
  // What the server did not say, the client did: the connection is closed, refused, out of retries.
  const mistaken = error instanceof TypeError || error instanceof RangeError;
  return word === "" && !mistaken ? "passing" : "foreign";
}

/** The first word of an answer that is an error, such as `OOM`; empty when Redis did not answer. */
export function replyCode(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const word = /^[A-Z]{2,}(?= )/.exec(error.message)?.[0] ?? "";
  // ioredis names its errors, node-redis only their classes.
  const answered = REPLIES.has(error.name) || REPLIES.has(error.constructor.name);
  return answered ? word || "ERR" : "";
}

export function unavailable(cause: unknown): SluiceError {
  const code = replyCode(cause);
  return new SluiceError("log/unavailable", "The store of this server does not take requests at the moment.", {
    cause,
    details: code === "" ? {} : { reply: code },
  });
}

/** What append, close and lease say in words. */
export function refusal(id: string, reply: Reply, at?: AppendAt): SluiceError {
  switch (reply.status) {
    case "not-found":
      return notFound(id);
    case "fenced":
      return fenced(reply.number(1));
    case "closed":
      return closed();
    case "held":
      return leaseHeld();
    case "rewound":
      return rewound(reply.number(1));
    case "conflict":
      return conflict(at?.expected, reply.number(1));
    case "max-bytes":
      return tooManyBytes(reply.number(1));
    case "max-entries":
      return tooManyEntries(reply.number(1));
    default:
      return unavailable(new Error(`The script answered ${reply.status}.`));
  }
}

/** A fail-over lost entries, and others may come in their place: this reader has some of them. */
export function readerRewound(last: number): SluiceError {
  return new SluiceError("log/rewound", "The store lost entries that were delivered. Read from the start.", {
    details: { last: formatOffset(last), first: formatOffset(1) },
  });
}
