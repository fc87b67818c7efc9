import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { EventSource } from "eventsource";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openEventStream, stopRun } from "sluice/client";
import { startOpenAIServer, type OpenAIServer } from "sluice/testing";

let provider: OpenAIServer;
let next: typeof import("../next-route.ts");
let client: typeof import("../client.ts");
let server: Server;
let url: string;

// The examples make their client as a user would, from the environment, so they are loaded once it is set.
beforeAll(async () => {
  provider = await startOpenAIServer({
    *script({ body }) {
      yield { type: "text", text: "Grü", cut: true };
      yield { type: "text", text: "ße, " };
      yield { type: "text", text: " " };
      if (JSON.stringify(body).includes("Never end")) yield { type: "stall" };
      yield { type: "text", text: "Welt" };
      yield { type: "finish" };
    },
  });
  process.env["OPENAI_BASE_URL"] = provider.url;
  process.env["OPENAI_API_KEY"] = "test";
  Object.assign(globalThis, { EventSource }); // as a browser has it
  client = await import("../client.ts");
  next = await import("../next-route.ts");
  server = createServer((await import("../express.ts")).app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await provider.close();
});

/** Event and data of each frame, as the document shows them. */
function shown(stream: string): string {
  const frames = stream.matchAll(/^event: (.*)\n(?:id: .*\n)?data: (.*)\n\n/gm);
  return Array.from(frames, ([, event = "", data = ""]) => `event: ${event}\ndata: ${data}\n`).join("\n");
}

const payloads = (stream: string, name: string): readonly unknown[] =>
  Array.from(stream.matchAll(new RegExp(`^event: ${name}\\n.*\\ndata: (.*)$`, "gm")), ([, data = ""]) => {
    return (JSON.parse(data) as { readonly payload: unknown }).payload;
  });

const WHOLE = [
  ["Grü", false],
  ["ße, ", false],
  [" ", false],
  ["Welt", false],
  ["", true],
].map(([text, isFinal]) => ({ text, isFinal }));

describe("the document's response format", () => {
  it("is what a POST of a string is answered with", async () => {
    const stream = await client.post(url);
    const runId = /run_[0-9a-f]{32}/.exec(stream)?.[0] ?? "";
    const [, ...own] = shown(stream.replaceAll(runId, "...")).split(/(?=event: )/);
    expect(own.slice(0, 2).join("")).toBe(`event: agent-response
data: {"name":"agent-response","meta":{"runId":"..."},"payload":{"text":"Hello"}}

event: agent-response
data: {"name":"agent-response","meta":{"runId":"..."},"payload":{"text":" World"}}

`);
    expect(own).toHaveLength(3);
    expect(payloads(stream, "done")).toEqual([{ finishReason: "stop" }]);
  });
});

describe("the document's EventSource", () => {
  it("says what the agent says, once, and is done", async () => {
    const said: string[] = [];
    await client.listen(url, (text) => said.push(text));
    expect(said).toEqual(["Hello", " World"]);
  });
});

describe("the document's agent over OpenAI", () => {
  it("emits each token as it comes, white space and the last empty text included", async () => {
    expect(payloads(await client.post(url, "/api/tokens"), "response")).toEqual(WHOLE);
  });

  it("does the same in a Next route, by POST and by GET", async () => {
    const body = JSON.stringify({ query: "Hi" });
    const requests = [
      next.POST(new Request("http://next.test/api/chat", { method: "POST", body })),
      next.GET(new Request(`http://next.test/api/chat?payload=${encodeURIComponent(body)}`)),
    ];
    for (const response of await Promise.all(requests)) {
      expect(payloads(await response.text(), "response")).toEqual(WHOLE);
    }
  });

  it("emits whole words through the Pump", async () => {
    const stream = await client.post(url, "/api/words");
    expect(payloads(stream, "response")).toEqual(
      [
        ["Grüße, ", false],
        [" ", false],
        ["Welt", false],
        ["", true],
      ].map(([text, isFinal]) => ({ text, isFinal })),
    );
  });

  it("goes on where a reader was cut, without calling the model again", async () => {
    const before = provider.requests.length;
    const whole = await client.post(url, "/api/tokens");
    const id = /^id: (.*)$/m.exec(whole.slice(whole.indexOf("ße, ")))?.[1] ?? "";
    const rest = await (await fetch(`${url}/api/tokens`, { headers: { "last-event-id": id } })).text();
    expect(whole.endsWith(rest.slice(rest.indexOf("event: response")))).toBe(true);
    expect(payloads(rest, "response")).toEqual(WHOLE.slice(3));
    expect(provider.requests.length).toBe(before + 1);
  });

  it("ends the model's own request when somebody stops the run", async () => {
    const reader = openEventStream(`${url}/api/tokens`, { body: { query: "Never end" } });
    const events: (string | undefined)[] = [];
    for await (const { event, data } of reader) {
      events.push(event);
      const { meta, payload } = JSON.parse(data);
      if (payload.text === " ") await stopRun(`${url}/api/tokens/runs/${meta.runId}`);
    }
    expect(events).toEqual(["start", "response", "response", "response", "done"]);
    expect(await provider.requests.at(-1)?.disconnected).toBe(true);
  });
});
