import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launchChromium } from "../../../../test/integration/chromium.ts";
import { toNodeHandler } from "../../src/http/index.ts";
import { createSSEStream, sseResponse, type SSEStream } from "../../src/sse/index.ts";
import { bundleSnippet, REACTS, servePage, type PageServer } from "./browser-page.ts";

// The components of seed 003 as they stand there, word for word: what people copy has to work.
const QUICK_START = `
import { useEventSource } from "@/hooks/use-event-source";

function ChatMessage() {
  const { data, error, isConnected } = useEventSource(
    "/api/chat/conversations/123/stream"
  );

  return <div>{data?.content}</div>;
}
`;

const HOOK = `
import { useEventSource } from "@/hooks/use-event-source";

function Component() {
  const {
    data,           // Latest received data
    error,          // Error if any
    isConnected,    // Connection status
    close,          // Manual close function
  } = useEventSource("/api/stream", {
    onMessage: (event) => {
      console.log("Received:", event.data);
    },
    onError: (error) => {
      console.error("SSE Error:", error);
    },
  });

  return (
    <div>
      {isConnected ? "Connected" : "Disconnected"}
      {data && <pre>{JSON.stringify(data, null, 2)}</pre>}
    </div>
  );
}
`;

const CHAT_STREAM = `
import { useState } from "react";
import { useEventSource } from "@/hooks/use-event-source";

function ChatStream({ conversationId }: { conversationId: string }) {
  const [content, setContent] = useState("");

  useEventSource(\`/api/chat/conversations/\${conversationId}/stream\`, {
    onMessage: (event) => {
      const data = JSON.parse(event.data);

      if (event.type === "chunk") {
        setContent(prev => prev + data.content);
      } else if (event.type === "done") {
        // Stream complete
      } else if (event.type === "error") {
        console.error(data.message);
      }
    },
  });

  return <div>{content}</div>;
}
`;

const ERRORS = `
import { useState } from "react";
import { useEventSource } from "@/hooks/use-event-source";

function Errors() {
  const url = "/api/stream";
  const [error, setError] = useState("");

  useEventSource(url, {
    onError: (error) => {
      // Handle connection error
      setError("Connection lost. Reconnecting...");
    },
    onMessage: (event) => {
      if (event.type === "error") {
        const data = JSON.parse(event.data);
        setError(data.message);
      }
    },
  });

  return <div>{error}</div>;
}
`;

const EXAMPLE_FLOW = [
  { event: "typing", data: { isTyping: true } },
  { event: "chunk", data: { content: "Hello, " } },
  { event: "chunk", data: { content: "how can I help?" } },
  { event: "message", data: { id: "msg-123", role: "assistant", content: "Hello, how can I help?" } },
  { event: "done", data: {} },
];

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser?.close());

for (const [name, react] of Object.entries(REACTS)) {
  describe(`the components of seed 003 in Chromium, ${name}`, () => {
    let streams: SSEStream[];
    let asked: { readonly path: string; readonly lastEventId: string | null }[];
    let server: PageServer;
    let context: BrowserContext;
    let page: Page;
    let said: string[];

    beforeEach(async () => {
      streams = [];
      asked = [];
      said = [];
      context = await browser.newContext();
      page = await context.newPage();
      page.on("console", (message) => said.push(message.text()));
      page.on("pageerror", (error) => said.push(error.message));
    });
    afterEach(async () => {
      await context.close();
      await server?.close();
    });

    /** Shows the component, and waits for its first request. */
    async function show(snippet: string, element: string): Promise<void> {
      const mount = `import { createRoot } from "react-dom/client"; createRoot(document.body).render(${element});`;
      const handler = toNodeHandler((request) => {
        const stream = createSSEStream();
        streams.push(stream);
        asked.push({ path: new URL(request.url).pathname, lastEventId: request.headers.get("last-event-id") });
        return sseResponse(stream.stream);
      });
      server = await servePage(await bundleSnippet(`${snippet}\n${mount}`, react), handler);
      await page.goto(`${server.url}/page`);
      await expect.poll(() => streams.length).toBe(1);
    }
    function text(): Promise<string> {
      return page.locator("body > div").innerText();
    }

    it("ChatMessage shows the content of the last event that has some", async () => {
      await show(QUICK_START, "<ChatMessage />");
      expect(asked).toEqual([{ path: "/api/chat/conversations/123/stream", lastEventId: null }]);
      for (const event of EXAMPLE_FLOW) streams[0]?.send(event);
      await expect.poll(text).toBe("Hello, how can I help?");
      streams[0]?.close();
      await expect.poll(() => streams[0]?.send.ended.aborted).toBe(true);
      expect(await text()).toBe("Hello, how can I help?");
      expect(said).toEqual([]);
    });

    it("Component shows whether it is connected, and the data; its handler has each event", async () => {
      await show(HOOK, "<Component />");
      await expect.poll(text).toBe("Connected");
      streams[0]?.send({ data: { status: "processing" } });
      await expect.poll(text).toContain('"status": "processing"');
      streams[0]?.send({ event: "progress", data: { percent: 50 } });
      await expect.poll(text).toContain('"percent": 50');
      expect(said).toEqual(['Received: {"status":"processing"}', 'Received: {"percent":50}']);
    });

    it("ChatStream adds chunk to chunk, and stops at done", async () => {
      await show(CHAT_STREAM, '<ChatStream conversationId="123" />');
      for (const event of EXAMPLE_FLOW) streams[0]?.send(event);
      streams[0]?.close();
      await expect.poll(text).toBe("Hello, how can I help?");
      expect(asked).toHaveLength(1);
      expect(said).toEqual([]);
    });

    it("ChatStream tells of the server's error, which is the end", async () => {
      await show(CHAT_STREAM, '<ChatStream conversationId="123" />');
      streams[0]?.send({ event: "error", data: { message: "No model." } });
      streams[0]?.close();
      await expect.poll(() => said).toEqual(["No model."]);
      expect(asked).toHaveLength(1);
    });

    it("a lost connection is told, and taken up after the last id; the server's error is told as its words", async () => {
      await show(ERRORS, "<Errors />");
      streams[0]?.send({ retry: 10 });
      streams[0]?.send({ event: "chunk", data: { content: "Hello" }, id: "123" });
      streams[0]?.close(); // no `done`: what a crash looks like behind a proxy
      await expect.poll(text).toBe("Connection lost. Reconnecting...");
      await expect.poll(() => asked.at(-1)).toEqual({ path: "/api/stream", lastEventId: "123" });
      streams[1]?.send({ event: "error", data: { message: "No model." } });
      await expect.poll(text).toBe("No model.");
    });
  });
}
