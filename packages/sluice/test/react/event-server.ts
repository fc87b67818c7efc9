import { encodeEvent, type SSEMessage } from "../../src/sse/index.ts";

/** The other end of a `fetch` without a network: every request is held open until the test ends it. */
export interface EventServer {
  readonly fetch: typeof globalThis.fetch;
  readonly requests: readonly HeldRequest[];
  /** Those that neither side has ended. */
  readonly open: number;
  /** Answers the requests that come from now on in place of an event stream. */
  refuse(answer: (() => Response) | undefined): void;
}

export interface HeldRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | undefined;
  readonly credentials: RequestCredentials | undefined;
  send(...events: readonly SSEMessage[]): void;
  /** Ends cleanly. */
  end(): void;
  /** Breaks. */
  cut(): void;
}

export function createEventServer(headers: Readonly<Record<string, string>> = {}): EventServer {
  const requests: HeldRequest[] = [];
  const open = new Set<HeldRequest>();
  let refusal: (() => Response) | undefined;
  const encoder = new TextEncoder();

  const fetch = async (target: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    const stream = new ReadableStream<Uint8Array>({
      start: (given) => void (controller = given),
      cancel: () => void open.delete(held),
    });
    const finish = (how: (controller: ReadableStreamDefaultController<Uint8Array>) => void): void => {
      if (open.delete(held) && controller !== undefined) how(controller);
    };
    const held: HeldRequest = {
      url: target instanceof Request ? target.url : target.toString(),
      method: init.method ?? "GET",
      headers: new Headers(init.headers),
      body: typeof init.body === "string" ? init.body : undefined,
      credentials: init.credentials,
      send(...events) {
        if (open.has(held)) controller?.enqueue(encoder.encode(events.map(encodeEvent).join("")));
      },
      end: () => finish((given) => given.close()),
      cut: () => finish((given) => given.error(new TypeError("network error"))),
    };
    requests.push(held);
    if (refusal !== undefined) return refusal();
    open.add(held);
    init.signal?.addEventListener("abort", () => held.cut());
    return new Response(stream, { headers: { "content-type": "text/event-stream", ...headers } });
  };

  return {
    fetch,
    requests,
    get open() {
      return open.size;
    },
    refuse: (answer) => void (refusal = answer),
  };
}
