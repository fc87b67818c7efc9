import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseEvents, type ParsedEvent } from "sluice/sse";
import { startOpenAIServer, type OpenAIScript, type OpenAIServer } from "sluice/testing";
import type * as express from "../express.ts";
import type * as routes from "../routes.ts";

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface Site {
  readonly url: string;
  readonly provider: OpenAIServer;
  readonly lines: Line[];
  readonly routes: typeof routes;
  close(): Promise<void>;
}

/** The example's server on a port of its own, with a provider that does what the script says. */
export async function startSite(script: OpenAIScript): Promise<Site> {
  const provider = await startOpenAIServer({ script });
  process.env["OPENAI_BASE_URL"] = provider.url;
  process.env["OPENAI_API_KEY"] = "test";
  // The example makes its client as a user would, from the environment.
  const { createApp }: typeof express = await import("../express.ts");
  const lines: Line[] = [];
  const server = createServer(createApp((level, message, fields) => lines.push({ level, message, ...fields })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    provider,
    lines,
    routes: await import("../routes.ts"),
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      await provider.close();
    },
  };
}

export async function eventsOf(response: Response): Promise<ParsedEvent[]> {
  const events: ParsedEvent[] = [];
  for await (const event of parseEvents(response.body ?? new ReadableStream())) events.push(event);
  return events;
}

/** What a page has that adds `delta` up, as the document's does. */
export function textOf(events: readonly ParsedEvent[]): string {
  return events
    .filter(({ event }) => event === "update")
    .map(({ data }) => (JSON.parse(data) as { delta: string }).delta)
    .join("");
}
