import { refusal, parseObject } from "./refusal.ts";
import { absoluteUrl } from "./request.ts";

export interface StopRunOptions {
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
 * @param url the run's: `…/runs/<id>`, or that of its events, as a reader has it
 * @throws SluiceError `client/refused`, `option/invalid`; what `fetch` throws when there is no answer
 */
export async function stopRun(url: string | URL, options: StopRunOptions = {}): Promise<StoppedRun> {
  const { headers = {}, signal = null, fetch = globalThis.fetch } = options;
  const target = absoluteUrl(url);
  target.pathname = `${target.pathname.replace(/(\/events)?\/?$/, "")}/stop`;
  target.search = "";
  const response = await fetch(target, { method: "POST", headers, signal });
  const text = await response.text();
  const { status } = parseObject(text);
  if (!response.ok || typeof status !== "string") throw refusal(response.status, text);
  return { status };
}
