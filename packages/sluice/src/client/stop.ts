import { refusal, parseObject } from "./refusal.ts";
import { absoluteUrl } from "./request.ts";

export interface StopRunOptions {
  /** The run's: `…/runs/<id>`, or that of its events, as a reader has it. */
  readonly url: string | URL;
  readonly headers?: HeadersInit;
  readonly signal?: AbortSignal;
  readonly fetch?: typeof globalThis.fetch;
}

export interface StoppedRun {
  /** The run's status; `running` until its producer has heard of it. */
  readonly status: string;
}

/**
 * Stops a run for all its readers; what was produced so far stays readable. Stopping again changes nothing.
 * @throws SluiceError `client/refused`, `option/invalid`; what `fetch` throws when there is no answer
 */
export async function stopRun(options: StopRunOptions): Promise<StoppedRun> {
  const { headers = {}, signal = null, fetch = globalThis.fetch } = options;
  const url = absoluteUrl(options.url);
  url.pathname = `${url.pathname.replace(/(\/events)?\/?$/, "")}/stop`;
  url.search = "";
  const response = await fetch(url, { method: "POST", headers, signal });
  const text = await response.text();
  const { status } = parseObject(text);
  if (!response.ok || typeof status !== "string") throw refusal(response.status, text);
  return { status };
}
