import { absoluteUrl } from "../request.ts";
import { stopRun } from "../stop.ts";
import type { ChatOptions } from "./types.ts";

/** Where the server of a chat is asked for what. All beside the URL that questions are posted to. */
export interface Endpoints {
  readonly postUrl: URL;
  runUrl(runId: string): URL;
  /** Of its events. */
  eventsUrl(runId: string): URL;
  /** The same in this chat's wording: another tab, or an earlier page, may have read it in another. */
  worded(eventsUrl: string): string;
  threadUrl(threadId: string): URL;
  readonly headers: () => HeadersInit;
  readonly fetch: typeof globalThis.fetch;
  /** Also of a page that goes away. @throws as `stopRun` */
  stop(eventsUrl: string): Promise<void>;
  /** Takes a question back whose run is not known. One that never arrived is a 404, which is as good. */
  cancel(requestId: string): Promise<void>;
}

/** @throws SluiceError `option/invalid` when there is no page that a relative URL could belong to */
export function createEndpoints(options: ChatOptions): Endpoints {
  const { url = DEFAULT_URL, dialect = "ai-sdk", headers: given = {} } = options;
  const { fetch = (...call) => globalThis.fetch(...call) } = options;
  const postUrl = absoluteUrl(url);
  if (!postUrl.searchParams.has("dialect")) postUrl.searchParams.set("dialect", dialect);
  const headers = typeof given === "function" ? given : () => given;
  // A page that goes away takes other requests along.
  const lasting: typeof fetch = (to, init) => fetch(to, { ...init, keepalive: true });
  const wording = postUrl.searchParams.get("dialect") ?? dialect;
  const beside = (path: string): URL => new URL(path, postUrl);
  const runUrl = (runId: string): URL => beside(`runs/${encodeURIComponent(runId)}`);

  return {
    postUrl,
    runUrl,
    eventsUrl: (runId) => new URL(`?dialect=${encodeURIComponent(wording)}`, `${runUrl(runId).href}/events`),
    worded(eventsUrl) {
      const url = new URL(eventsUrl, postUrl);
      url.searchParams.set("dialect", wording);
      return url.href;
    },
    threadUrl: (threadId) => beside(`threads/${encodeURIComponent(threadId)}`),
    headers,
    fetch,
    async stop(eventsUrl) {
      await stopRun(eventsUrl, { headers: headers(), fetch: lasting });
    },
    async cancel(requestId) {
      const url = beside(`cancel/${encodeURIComponent(requestId)}`);
      await lasting(url, { method: "POST", headers: headers() }).catch(() => undefined);
    },
  };
}

export const DEFAULT_URL = "/stream";
