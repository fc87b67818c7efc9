import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";

// What Theo allows a user a minute. `RateLimiterRedis` counts for all nodes.
const LIMITS = {
  call: new RateLimiterMemory({ points: 100, duration: 60 }),
  chat: new RateLimiterMemory({ points: 20, duration: 60 }),
};

/** Counts one more; the answer for a user who had enough of them, else undefined. */
export async function limited(userId: string, what: keyof typeof LIMITS): Promise<Response | undefined> {
  try {
    await LIMITS[what].consume(userId);
    return undefined;
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    const seconds = Math.max(1, Math.ceil(error.msBeforeNext / 1_000));
    return new Response("Too Many Requests", { status: 429, headers: { "retry-after": String(seconds) } });
  }
}
