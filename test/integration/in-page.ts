import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type * as client from "sluice/client";
import type { OwnPages } from "./origin.ts";

/** `sluice/client` from its sources, as `window.sluice`. */
export async function bundleClient(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: 'export * from "sluice/client";', resolveDir: fileURLToPath(new URL(".", import.meta.url)) },
    bundle: true,
    format: "iife",
    globalName: "sluice",
    platform: "browser",
    conditions: ["@sluice/source"],
    write: false,
  });
  return outputFiles[0]?.text.replaceAll("</script", "<\\/script") ?? "";
}

/** A page with this script, at `/page`. */
export function servePage(script: string): OwnPages {
  return (req, res) => {
    if (req.url !== "/page") return false;
    res.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    res.end(`<!doctype html><link rel="icon" href="data:,"><title>Test</title><script>${script}</script>`);
    return true;
  };
}

/** Runs in the page. */
export async function fetchInPage(url: string): Promise<void> {
  const { body } = await fetch(url);
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  const seen = { text: "", end: "" };
  Object.assign(window, { seen });
  void (async () => {
    let raw = "";
    try {
      for (let step = await reader.read(); !step.done; step = await reader.read()) {
        raw += step.value;
        const words = raw.matchAll(/^event: chunk\n(?:id: .*\n)?data: (.*)\n\n/gm);
        seen.text = Array.from(words, ([, data = ""]) => JSON.parse(data).content).join("");
      }
      seen.end = raw.includes("event: done") ? "done" : "clean end";
    } catch (error) {
      seen.end = (error as Error).name;
    }
  })();
}

/** Runs in the page. */
export function listenInPage(url: string): void {
  const source = new EventSource(url);
  const seen = { text: "", end: "" };
  Object.assign(window, { seen });
  source.addEventListener("chunk", ({ data }) => (seen.text += JSON.parse(data).content));
  source.addEventListener("done", () => {
    seen.end = "done";
    source.close();
  });
}

export interface ReadInPage {
  readonly message: string;
  readonly runId: string;
  readonly states: readonly string[];
}

/** Runs in the page. */
export async function readInPage(question: string): Promise<ReadInPage> {
  const { openEventStream, readMessage } = (window as unknown as { readonly sluice: typeof client }).sluice;
  const states: string[] = [];
  const stream = openEventStream("/stream?dialect=ai-sdk", {
    body: { requestId: question, message: { content: question } },
    random: (bytes) => bytes.fill(0), // no backoff: Chromium may lose what came just before a cut, `retry:` included
    onState: ({ status }) => states.push(status),
  });
  let message: unknown;
  for await (message of readMessage(stream));
  return { message: JSON.stringify(message), runId: stream.runId ?? "", states };
}

export interface ReadByHand {
  readonly text: string;
  readonly messages: readonly string[];
  readonly done: number;
  readonly requests: number;
}

/** Runs in the page: what somebody writes who has read PROTOCOL.md and uses no library. */
export async function readByHand(question: string): Promise<ReadByHand> {
  const body = JSON.stringify({ requestId: question, message: { content: question } });
  const headers = { "content-type": "application/json" };
  const seen = { text: "", messages: [] as string[], done: 0, requests: 0 };
  let url: string | null = null;
  let lastId: string | undefined;
  const take = (frame: string): void => {
    const field = (name: string): string | undefined =>
      frame
        .split("\n")
        .find((line) => line.startsWith(`${name}: `))
        ?.slice(name.length + 2);
    lastId = field("id") ?? lastId;
    const event = field("event");
    if (event === "chunk") seen.text += JSON.parse(field("data") ?? "").content;
    if (event === "message") seen.messages.push(JSON.parse(field("data") ?? "").content);
    if (event === "done") seen.done += 1;
  };
  while (seen.done === 0) {
    seen.requests += 1;
    try {
      const resumed = lastId === undefined ? {} : { headers: { "last-event-id": lastId } };
      const response: Response = url
        ? await fetch(url, resumed)
        : await fetch("/stream", { method: "POST", headers, body });
      url = response.headers.get("location") ?? url;
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (let step = await reader.read(); !step.done; step = await reader.read()) {
        const frames: string[] = (rest + step.value).split("\n\n");
        rest = frames.pop() ?? ""; // not all of it is here
        frames.forEach(take);
      }
    } catch {
      // The connection broke. An end without `done` is no end either.
    }
  }
  return seen;
}
