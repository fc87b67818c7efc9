import type { Clock } from "../base/clock.ts";
import type { SluiceError } from "../base/errors.ts";
import { parseRetryAfter } from "./backoff.ts";
import { refusal } from "./refusal.ts";

export interface Refused {
  readonly error: SluiceError;
  /** It would be the same again. */
  readonly final: boolean;
  readonly retryAfterMs: number | undefined;
}

export interface Asking {
  readonly url: () => URL;
  readonly token: string | undefined;
  readonly connectMs: number;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
}

/** Only these mean the same in a minute as they do now. */
const FINAL: ReadonlySet<number> = new Set([401, 403, 404]);

/**
 * Why there is no socket. A browser does not say: so the path is asked as a page, and a server of Sluice answers what it
 * answered the socket, or 426: then the connection was broken, or a proxy does not pass upgrades on. undefined when
 * nobody answers.
 */
export async function whyRefused(
  { url, token, connectMs, fetch, clock }: Asking,
  signal: AbortSignal,
): Promise<Refused | undefined> {
  const late = new AbortController();
  const stop = clock.timer(connectMs, () => late.abort());
  try {
    const page = new URL(url());
    page.protocol = page.protocol.replace("ws", "http");
    const response = await fetch(page, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      cache: "no-store",
      signal: AbortSignal.any([signal, late.signal]),
    });
    const { status, ok, headers } = response;
    const text = await response.text();
    if (ok || status < 400) return undefined;
    const retryAfterMs = parseRetryAfter(headers.get("retry-after"), clock.now());
    return { error: refusal(status, text), final: FINAL.has(status), retryAfterMs };
  } catch {
    return undefined;
  } finally {
    stop();
  }
}
