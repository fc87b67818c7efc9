import { parseEvents } from "sluice/sse";

/** What a program that knows nothing of us has when an answer is over. */
export type Ending = "clean end" | "error";

/** The body of an answer as a plain reader takes it: text, in whatever pieces it comes. */
export interface Reading {
  readonly text: string;
  /** Reads until `wanted` has come. */
  until(wanted: string): Promise<void>;
  rest(): Promise<Ending>;
  leave(): Promise<void>;
}

export function read(response: Response): Reading {
  if (!response.ok || response.body === null) throw new Error(`The answer is ${response.status}.`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    get text() {
      return text;
    },
    async until(wanted) {
      while (!text.includes(wanted)) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`The answer ended before ${wanted}: ${text}`);
        text += value;
      }
    },
    async rest() {
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return "clean end";
          text += value;
        }
      } catch {
        return "error";
      }
    },
    leave: () => reader.cancel(),
  };
}

/** The words of an answer in the `simple` dialect, or of a part of it. */
export async function wordsIn(text: string): Promise<readonly string[]> {
  const words: string[] = [];
  for await (const { event, data } of parseEvents(new Response(text).body ?? [])) {
    if (event === "chunk") words.push((JSON.parse(data) as { readonly content: string }).content);
  }
  return words;
}

/** As a `POST` of a question in the `simple` dialect. */
export function ask(question: string): RequestInit {
  return {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message: { content: question } }),
  };
}

/** The path of a bare `EventSource` that asks a question. */
export function streamPath(question: string): string {
  return `/stream?payload=${encodeURIComponent(JSON.stringify({ message: { content: question } }))}`;
}
