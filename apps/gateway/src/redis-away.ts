import type { Logger } from "sluice/http";

/** Resolves with the answer, or with undefined while Redis is away. Never rejects. */
export type AskRedis = <T>(command: () => Promise<T>) => Promise<T | undefined>;

const PATIENCE_MS = 1_000;
const PAUSE_MS = 5_000;

/**
 * For what answers go on without: after a failure, or a second of silence, Redis is left alone for 5 s, and one line
 * is logged for each such pause.
 */
export function createAskRedis(log: Logger, now: () => number = () => performance.now()): AskRedis {
  let awayUntil = Number.NEGATIVE_INFINITY;
  return async (command) => {
    if (now() < awayUntil) return undefined;
    try {
      return await inTime(command());
    } catch (error) {
      if (now() >= awayUntil)
        log("warn", "limits of owners are kept by this node alone", { code: "log/unavailable", error });
      awayUntil = now() + PAUSE_MS;
      return undefined;
    }
  };
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis said nothing for ${PATIENCE_MS} ms.`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
