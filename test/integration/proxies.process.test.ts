import { EventSource } from "eventsource";
import type { Message } from "sluice/chat";
import { openEventStream, readMessage, type EventStreamReader, type StreamState } from "sluice/client";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { wordsOf } from "./held-model.ts";
import { startOrigin, type Origin } from "./origin.ts";
import { PROXIES, startProxy, startRelay, type Proxy, type Relay } from "./programs.ts";
import { ask, contentOf, read, streamPath, type Ending } from "./reading.ts";

/** How an unfinished answer can end. */
type Break = "broken off by Sluice" | "destroyed" | "reset" | "killed";

/**
 * What a reader that knows nothing of terminal events sees of each break. Measured with nginx 1.22.1, haproxy 2.6.12
 * and caddy 2.6.2; PROTOCOL.md section 7 tells what follows from it. A clean end of an unfinished answer is what our
 * own client never believes.
 */
const SEEN_BY_PLAIN_FETCH: Readonly<Record<string, Readonly<Record<Break, Ending>>>> = {
  "no proxy": { "broken off by Sluice": "error", destroyed: "error", reset: "error", killed: "error" },
  "nginx with an HTTP/1.1 upstream": {
    "broken off by Sluice": "error",
    destroyed: "error",
    reset: "error",
    killed: "error",
  },
  "nginx with its stock HTTP/1.0 upstream": {
    "broken off by Sluice": "error",
    destroyed: "clean end",
    reset: "error",
    killed: "clean end",
  },
  "nginx with its stock HTTP/1.0 upstream and gzip": {
    "broken off by Sluice": "error",
    destroyed: "clean end",
    reset: "error",
    killed: "clean end",
  },
  "nginx that is told to compress, and passes Accept-Encoding on": {
    "broken off by Sluice": "error",
    destroyed: "error",
    reset: "error",
    killed: "error",
  },
  haproxy: { "broken off by Sluice": "error", destroyed: "error", reset: "error", killed: "error" },
  "haproxy that is told to compress": {
    "broken off by Sluice": "error",
    destroyed: "error",
    reset: "error",
    killed: "error",
  },
  caddy: {
    "broken off by Sluice": "clean end",
    destroyed: "clean end",
    reset: "clean end",
    killed: "clean end",
  },
  "caddy that is told to compress": {
    "broken off by Sluice": "clean end",
    destroyed: "clean end",
    reset: "clean end",
    killed: "clean end",
  },
};

const BREAKS: readonly Break[] = ["broken off by Sluice", "destroyed", "reset", "killed"];
const FIRST = "Locks lift boats – ";
const SECOND = "even big ones ⛵.";
const PATIENCE = { timeout: 20_000, interval: 5 };

/** Those that compress what comes to them plain. haproxy never does: `no-transform` forbids it. */
const COMPRESSORS = new Set([
  "nginx with its stock HTTP/1.0 upstream and gzip",
  "nginx that is told to compress, and passes Accept-Encoding on",
]);
/** caddy 2.6 would hold a plain stream back to its end (caddy#6293), and passes a compressed one on as it is. */
const ONLY_COMPRESSED = "caddy that is told to compress";

const CASES = Object.entries(SEEN_BY_PLAIN_FETCH).flatMap(([name, seen]) =>
  (name === ONLY_COMPRESSED ? [true] : [false, true]).map((compression) => ({ name, seen, compression })),
);

for (const { name, seen, compression } of CASES) {
  describe(`through ${name}${compression ? ", compressed by Sluice" : ""}`, () => {
    const places: { close(): Promise<void> }[] = [];
    let origin: Origin;
    let proxy: { readonly url: string };
    /** The same, with a process in the way that can be killed. */
    let relay: Relay;
    let relayed: { readonly url: string };

    beforeAll(async () => {
      places.push((origin = await startOrigin({ compression })));
      places.push((relay = await startRelay(origin.port)));
      proxy = await inFrontOf(origin.port);
      relayed = await inFrontOf(relay.port);
    });
    afterAll(async () => {
      for (const place of places.reverse()) await place.close();
    });

    async function inFrontOf(port: number): Promise<{ readonly url: string }> {
      if (!(name in PROXIES)) return { url: `http://127.0.0.1:${port}` };
      const started: Proxy = await startProxy(name, port);
      places.push(started);
      return started;
    }

    it("each event of an answer arrives while the model is at work on the next", async () => {
      const model = origin.hold("event by event");
      const response = await fetch(`${proxy.url}/stream`, ask("event by event"));
      expect(origin.requests.at(-1)).toBe(`POST /stream ${name.includes("HTTP/1.0") ? "HTTP/1.0" : "HTTP/1.1"}`);
      // By one of the two, never by both; `fetch` asks for it, and decodes it once.
      expect(response.headers.get("content-encoding")).toBe(compression || COMPRESSORS.has(name) ? "gzip" : null);
      const reading = read(response);
      await reading.untilRaw("event: typing");
      let said = "";
      for (const word of wordsOf(FIRST + SECOND)) {
        model.say(word);
        await reading.untilText((said += word));
      }
      model.end();
      expect(await reading.rest()).toBe("clean end");
      expect(await reading.text()).toBe(said);
      expect(reading.raw).toContain("event: done");
    });

    it("heartbeats arrive", async () => {
      const model = origin.hold("quiet");
      const reading = read(await fetch(`${proxy.url}/quiet/stream`, ask("quiet")));
      await reading.untilRaw("event: typing");
      await origin.quietClock.advance(15_000);
      await reading.untilRaw("\n:\n\n");
      await origin.quietClock.advance(15_000);
      await reading.untilRaw("\n:\n\n:\n\n");
      expect(reading.raw).not.toContain("event: chunk");
      await reading.leave();
      model.end();
    });

    it("Last-Event-ID arrives, and the rest of the answer is what was missing", async () => {
      const model = origin.hold("resume");
      const response = await fetch(`${proxy.url}/stream`, ask("resume"));
      const location = response.headers.get("location") ?? "";
      const first = read(response);
      model.say(...wordsOf(FIRST));
      await first.untilText(FIRST);
      await first.leave();
      model.say(...wordsOf(SECOND));
      model.end();
      const lastEventId = /.*id: (\S+)/s.exec(first.raw)?.[1] ?? "";
      const headers = { "last-event-id": lastEventId };
      const second = read(await fetch(new URL(location, proxy.url), { headers }));
      expect(await second.rest()).toBe("clean end");
      expect(await second.text()).toBe(SECOND);
      expect(model.calls).toBe(1);
    });

    it("a bare EventSource has the answer once, from one model call, also after a cut", async () => {
      const model = origin.hold("bare");
      let text = "";
      const messages: string[] = [];
      const source = new EventSource(`${proxy.url}${streamPath("bare")}`);
      source.addEventListener("chunk", ({ data }: MessageEvent<string>) => (text += contentOf(data)));
      source.addEventListener("message", ({ data }: MessageEvent<string>) => messages.push(contentOf(data)));
      model.say(...wordsOf(FIRST));
      await vi.waitFor(() => expect(text).toBe(FIRST), PATIENCE);
      origin.destroySockets();
      model.say(...wordsOf(SECOND));
      await vi.waitFor(() => expect(text).toBe(FIRST + SECOND), PATIENCE);
      model.end();
      await vi.waitFor(() => expect(source.readyState).toBe(source.CLOSED), PATIENCE);
      expect(text).toBe(FIRST + SECOND);
      expect(messages).toEqual([FIRST + SECOND]);
      expect(model.calls).toBe(1);
    });

    for (const how of BREAKS) {
      const url = (): string => (how === "killed" ? relayed : proxy).url;

      it(`an unfinished answer that is ${how} ends with: ${seen[how]}`, async () => {
        const question = `plain ${how}`;
        const model = origin.hold(question);
        const reading = read(await fetch(`${url()}/stream`, ask(question)));
        model.say(...wordsOf(FIRST));
        await reading.untilText(FIRST);
        await breakOff(how);
        const ending = await reading.rest();
        if (how === "killed") await relay.start();
        expect(ending).toBe(seen[how]);
        expect(await reading.text()).toBe(FIRST);
        expect(reading.raw).not.toContain("event: done");
        model.end();
      });

      it(`our client takes an answer that is ${how} for unfinished, and resumes to the same bytes`, async () => {
        const question = `client ${how}`;
        const model = origin.hold(question);
        const states: StreamState["status"][] = [];
        const stream = openEventStream(`${url()}/stream?dialect=ai-sdk`, {
          body: { message: { content: question } },
          onState: ({ status }) => states.push(status),
        });
        const answer = follow(stream);
        model.say(...wordsOf(FIRST));
        await vi.waitFor(() => expect(textOf(answer.message)).toBe(FIRST), PATIENCE);
        states.length = 0;
        await breakOff(how);
        await vi.waitFor(() => expect(states).not.toHaveLength(0), PATIENCE);
        if (how === "killed") await relay.start();
        expect(states[0]).toBe("waiting");
        await vi.waitFor(() => expect(states.at(-1)).toBe("open"), PATIENCE);
        expect(states).not.toContain("done");
        model.say(...wordsOf(SECOND));
        model.end();
        await answer.end;
        expect(states.filter((status) => status === "done")).toHaveLength(1);
        expect(textOf(answer.message)).toBe(FIRST + SECOND);
        expect(JSON.stringify(answer.message)).toBe(JSON.stringify(await origin.messageOf(stream.runId ?? "")));
        expect(model.calls).toBe(1);
      });
    }

    async function breakOff(how: Break): Promise<void> {
      switch (how) {
        case "broken off by Sluice":
          return origin.letGo();
        case "destroyed":
          return origin.destroySockets();
        case "reset":
          return origin.resetSockets();
        case "killed":
          return relay.kill();
      }
    }
  });
}

interface Following {
  readonly message: Message | undefined;
  readonly end: Promise<void>;
}

function follow(stream: EventStreamReader): Following {
  const following: { message: Message | undefined; end: Promise<void> } = { message: undefined, end: run() };
  following.end.catch(() => {}); // awaited by the test
  async function run(): Promise<void> {
    for await (const message of readMessage(stream)) following.message = message;
  }
  return following;
}

function textOf(message: Message | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === "text" ? part.text : "")).join("");
}
