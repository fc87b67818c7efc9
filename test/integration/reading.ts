import { parseEvents } from "sluice/sse";

/** What a program that knows nothing of terminal events has when an answer is over. */
export type Ending = "clean end" | "error";

/** An answer in the `simple` dialect as a plain reader takes it: in whatever pieces it comes. */
export interface Reading {
  /** All that came, as it stood on the wire. */
  readonly raw: string;
  /** What the model has said in it. */
  text(): Promise<string>;
  /** Reads until this has come. */
  untilRaw(wanted: string): Promise<void>;
  untilText(wanted: string): Promise<void>;
  rest(): Promise<Ending>;
  leave(): Promise<void>;
}

export function read(response: Response): Reading {
  if (!response.ok || response.body === null) throw new Error(`The answer is ${response.status}.`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let raw = "";

  async function more(): Promise<boolean> {
    const { done, value = "" } = await reader.read();
    raw += value;
    return !done;
  }
  async function until(wanted: string, has: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await has())) {
      if (!(await more())) throw new Error(`The answer ended before ${wanted}: ${raw}`);
    }
  }

  return {
    get raw() {
      return raw;
    },
    text: () => textIn(raw),
    untilRaw: (wanted) => until(wanted, () => raw.includes(wanted)),
    untilText: (wanted) => until(wanted, async () => (await textIn(raw)) === wanted),
    async rest() {
      try {
        while (await more());
        return "clean end";
      } catch {
        return "error";
      }
    },
    leave: () => reader.cancel(),
  };
}

async function textIn(raw: string): Promise<string> {
  let text = "";
  const { body } = new Response(raw);
  if (body === null) return text;
  for await (const { event, data } of parseEvents(body)) if (event === "chunk") text += contentOf(data);
  return text;
}

/** Of the data of a `chunk` or a `message`. */
export function contentOf(data: string): string {
  return (JSON.parse(data) as { readonly content: string }).content;
}

/** The POST that asks a question. */
export function ask(question: string): RequestInit {
  const headers = { "content-type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify({ message: { content: question } }) };
}

/** Where a bare `EventSource` asks it. */
export function streamPath(question: string): string {
  return `/stream?payload=${encodeURIComponent(JSON.stringify({ message: { content: question } }))}`;
}
