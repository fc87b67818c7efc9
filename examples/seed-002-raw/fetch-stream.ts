import { parseEvents } from "sluice/sse";

export interface FetchStreamOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Its abort is the document's stop button (line 97): it ends the reading. */
  readonly signal?: AbortSignal;
}

/**
 * The document's raw reader (line 68), for a bare text. `{stream: true}` keeps the half of a character that a chunk ends
 * with for the next one. A text has no last word, so only the connection tells whether it is complete: `read` throws when
 * it breaks.
 */
export async function fetchText(
  url: string,
  onText: (text: string) => void,
  { headers, signal }: FetchStreamOptions = {},
): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { accept: "text/plain", ...headers },
    signal: signal ?? null,
  });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  if (!response.body) return;

  const reader = response.body.getReader();
  const decoder = new TextDecoder();

  while (true) {
    const { value, done } = await reader.read();
    const chunkValue = decoder.decode(value, { stream: !done });
    if (chunkValue !== "") onText(chunkValue);
    if (done) return;
  }
}

/** The same for events: whole ones, wherever the network cuts, up to the one that says that it is the last. */
export async function fetchStream(
  url: string,
  onText: (text: string) => void,
  { headers, signal }: FetchStreamOptions = {},
): Promise<void> {
  const response = await fetch(url, { method: "POST", headers: headers ?? {}, signal: signal ?? null });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  for await (const { event, data } of parseEvents(response.body ?? new ReadableStream())) {
    if (event === "done") return;
    if (event === "error") throw new Error(`The answer failed: ${data}`);
    if (event === "message") onText(data);
  }
  throw new Error("The answer is not complete.");
}
