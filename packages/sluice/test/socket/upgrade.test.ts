import { SluiceError } from "sluice/errors";
import { attachSocketConversation, loopback, VOICE_WORKLET } from "sluice/socket";
import { createServer } from "node:http";
import { createManualClock } from "sluice/testing";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { PCM, lines, open, place, raw, refusalOf, speech } from "./support.ts";

describe("who asks for a conversation", () => {
  it("is answered 401 before the upgrade where nobody is known, with a trace id that is logged", async () => {
    const { url, lines: logged } = await place({ authorize: () => undefined });
    expect(await refusalOf(url)).toMatchObject({
      status: 401,
      code: "auth/required",
      headers: { "www-authenticate": "Bearer" },
    });
    expect(logged).toMatchObject([{ message: "request refused", fields: { code: "auth/required", path: "/ws" } }]);
  });

  it("is answered what authorize throws, and 500 with a fixed sentence where it fails", async () => {
    let error: Error = new SluiceError("request/refused-origin", "Not from there.");
    const { url } = await place({
      authorize() {
        throw error;
      },
    });
    expect(await refusalOf(url)).toMatchObject({ status: 403, code: "request/refused-origin" });
    error = new Error("secret");
    expect(await refusalOf(url)).toMatchObject({ status: 500, code: "PROCESSING_ERROR" });
  });

  it("can bring a key among the protocols, and a header beats it", async () => {
    const { url } = await place({ authorize: (request) => request.headers.get("authorization") ?? undefined });
    const key = `bearer.${Buffer.from("key-1").toString("base64url")}`;
    const seen: string[] = [];
    const at = await place({
      authorize(request) {
        seen.push(request.headers.get("Authorization") ?? "none");
        return "alice";
      },
    });
    const client = await open(at.url, { protocols: ["sluice.voice.v1", key] });
    expect(client.socket.protocol).toBe("sluice.voice.v1");
    await open(at.url, { protocols: ["sluice.voice.v1", key], headers: { authorization: "Bearer other" } });
    await open(at.url, { protocols: [] });
    expect(seen).toEqual(["Bearer key-1", "Bearer other", "none"]);
    expect((await refusalOf(url)).status).toBe(401);
  });

  it("is refused when it speaks another version only", async () => {
    const { url } = await place();
    expect(await refusalOf(url, { protocols: ["sluice.voice.v9"] })).toMatchObject({
      status: 400,
      code: "socket/protocol",
    });
  });

  it("gets the headers of its caller with the upgrade", async () => {
    const { url } = await place({ authorize: () => ({ owner: "bob", headers: { "set-cookie": "a=b" } }) });
    const socket = new WebSocket(url, ["sluice.voice.v1"]);
    const headers = await new Promise<object>((resolve) =>
      socket.once("upgrade", (response) => resolve(response.headers)),
    );
    expect(headers).toMatchObject({ "set-cookie": ["a=b"] });
    socket.terminate();
  });

  it("is refused, not split in two, where a header of its caller has a line break", async () => {
    const { url } = await place({ authorize: () => ({ owner: "bob", headers: { "x-note": "a\r\nx-evil: 1" } }) });
    expect(await refusalOf(url)).toMatchObject({ status: 500, code: "PROCESSING_ERROR" });
  });

  it("is refused as HTTP when its handshake is none", async () => {
    const { port, conversations } = await place();
    const answer = await raw(
      port,
      lines(
        "GET /ws HTTP/1.1",
        "Host: a",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: short",
        "",
        "",
      ),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*"socket\/protocol"/);
    expect(conversations.open).toBe(0);
  });
});

describe("limits of conversations", () => {
  it("an owner has so many, a server has so many, and one that ends makes room", async () => {
    const { url, conversations } = await place({ limits: { maxPerOwner: 1, maxConversations: 2 } });
    const alice = await open(url);
    expect(await refusalOf(url)).toMatchObject({
      status: 429,
      code: "request/too-many-streams",
      headers: { "retry-after": "5" },
    });
    await open(url, { headers: { "x-owner": "bob" } });
    expect(await refusalOf(url, { headers: { "x-owner": "carol" } })).toMatchObject({
      status: 503,
      code: "request/too-many-connections",
      headers: { "retry-after": "2" },
    });
    alice.socket.close();
    await expect.poll(() => conversations.open).toBe(1);
    await open(url);
  });

  it("who is admitted is given back once, when the conversation is over, and a refusal takes no seat", async () => {
    const given: string[] = [];
    let full = true;
    const { url, conversations } = await place({
      limits: { maxPerOwner: 1 },
      admit(owner, action) {
        if (full) throw new SluiceError("request/too-many-streams", "Full.");
        given.push(`${action} ${owner}`);
        return () => given.push(`back ${owner}`);
      },
    });
    expect(await refusalOf(url)).toMatchObject({ status: 429 });
    full = false;
    const client = await open(url);
    client.socket.terminate();
    await expect.poll(() => conversations.open).toBe(0);
    expect(given).toEqual(["connect alice", "back alice"]);
  });

  it("a handshake that fails after all gives its seat back", async () => {
    const { port, url } = await place({ limits: { maxPerOwner: 1 } });
    await raw(port, lines("GET /ws HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket", "", ""));
    expect((await open(url)).socket.readyState).toBe(WebSocket.OPEN);
  });

  it("options that cannot work are refused", () => {
    const server = createServer();
    const attach = (options: object) => () =>
      attachSocketConversation(server, { authorize: () => "a", handler: loopback(), ...options });
    for (const options of [
      { path: "ws" },
      { path: "/" },
      { path: "/ws?a" },
      { heartbeatMs: 0 },
      { limits: { maxMessageBytes: 10 } },
      { limits: { maxPerOwner: 1.5 } },
    ]) {
      expect(attach(options)).toThrow(expect.objectContaining({ code: "option/invalid" }));
    }
  });
});

describe("the path as a page", () => {
  const ask = async (url: string, init?: RequestInit): Promise<{ status: number; text: string; headers: Headers }> => {
    const response = await fetch(url.replace("ws:", "http:"), init);
    return { status: response.status, text: await response.text(), headers: response.headers };
  };

  it("tells who could have a socket to upgrade, and who could not why not", async () => {
    const refusing: { error?: SluiceError } = {};
    const { url } = await place({
      limits: { maxPerOwner: 1 },
      authorize() {
        if (refusing.error) throw refusing.error;
        return "alice";
      },
    });
    const allowed = await ask(url);
    expect(allowed.status).toBe(426);
    expect(allowed.headers.get("upgrade")).toBe("websocket");
    expect(allowed.text).toContain("request/upgrade-required");
    await open(url);
    expect((await ask(url)).status).toBe(429);
    refusing.error = new SluiceError("auth/forbidden", "No.");
    expect(await ask(url)).toMatchObject({ status: 403, text: expect.stringContaining("auth/forbidden") as string });
  });

  it("serves the worklet to everybody, and nothing below it", async () => {
    const { url } = await place({ authorize: () => undefined });
    const worklet = await ask(`${url}/worklet.js`);
    expect(worklet.text).toBe(VOICE_WORKLET);
    expect(worklet.headers.get("content-type")).toContain("text/javascript");
    expect((await ask(`${url}/worklet.js`, { method: "HEAD" })).headers.get("content-length")).toBe(
      String(VOICE_WORKLET.length),
    );
    expect((await ask(`${url}/other`)).text).toBe("plain GET /ws/other ");
    expect((await ask(url, { method: "POST", body: "a" })).text).toBe("plain POST /ws a");
  });
});

describe("a server that drains", () => {
  it("sends who is in no talk away with 1012, lets an answer end, and takes nobody in", async () => {
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => (go = resolve));
    const { url, conversations } = await place({
      async *handler() {
        yield { control: "begun" };
        await gate;
        yield { transcript: "done" };
      },
    });
    const [idle, busy] = [await open(url), await open(url)];
    busy.talk(1, [speech(10)]);
    await busy.until("control-message");
    const drained = conversations.drain(new AbortController().signal);
    expect(await idle.closed).toEqual({ status: 1012, reason: "run/draining" });
    expect(await refusalOf(url)).toMatchObject({ status: 503, code: "run/draining" });
    expect(busy.socket.readyState).toBe(WebSocket.OPEN);
    go();
    await busy.until("voice:received_end_of_response_stream");
    expect(await busy.closed).toEqual({ status: 1012, reason: "run/draining" });
    await drained;
  });

  it("takes no further talk of a conversation that goes on", async () => {
    const { url, conversations } = await place({
      async *handler() {
        yield { control: "begun" };
        await new Promise(() => {});
      },
    });
    const client = await open(url);
    client.talk(1, []);
    await client.until("control-message");
    const deadline = new AbortController();
    const drained = conversations.drain(deadline.signal);
    client.say("voice:cancel", { turn: 1 });
    expect((await client.closed).status).toBe(1012);
    await drained;
  });

  it("ends what goes on at the deadline with run/shutdown", async () => {
    const { url, conversations } = await place({
      async *handler() {
        yield { control: "begun" };
        await new Promise(() => {});
      },
    });
    const client = await open(url);
    client.talk(1, []);
    await client.until("control-message");
    const deadline = new AbortController();
    const drained = conversations.drain(deadline.signal);
    deadline.abort();
    expect((await client.until("error")).data).toMatchObject({ turn: 1, code: "run/shutdown" });
    expect(await client.closed).toEqual({ status: 1012, reason: "run/draining" });
    await drained;
  });

  it("waits 2 s after the deadline for a client that takes nothing of its answer, or for who hangs in admitting it", async () => {
    const clock = createManualClock();
    const { url, conversations } = await place({
      clock,
      heartbeatMs: 600_000,
      stallMs: 600_000,
      limits: { maxAnswerBytes: 1_000_000_000 },
      admit: (owner, action) => (owner === "hangs" && action === "talk" ? new Promise(() => {}) : undefined),
      async *handler({ format }) {
        yield { format };
        for (;;) yield speech(16_384);
      },
    });
    const [full, stuck] = [await open(url), await open(url, { headers: { "x-owner": "hangs" } })];
    full.socket.pause();
    full.talk(1, []);
    stuck.say("voice:send_chunk", { turn: 1, format: PCM });
    stuck.send(speech(1));
    await stuck.until("voice:chunk_received");
    const deadline = new AbortController();
    const drained = conversations.drain(deadline.signal);
    deadline.abort();
    await clock.advance(1_999);
    expect(conversations.open).toBe(2);
    await clock.advance(1);
    await drained;
    expect(conversations.open).toBe(0);
  });

  it("sends away who is let in while it begins to drain", async () => {
    let admit = (): void => {};
    let asked = (): void => {};
    const asking = new Promise<void>((resolve) => (asked = resolve));
    const { url, conversations } = await place({
      admit: () =>
        new Promise((resolve) => {
          admit = () => resolve(undefined);
          asked();
        }),
    });
    const socket = new WebSocket(url, ["sluice.voice.v1"]);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await asking;
    await conversations.drain(new AbortController().signal);
    admit();
    expect(await closed).toBe(1012);
  });

  it("waits at its deadline for nobody who is still being looked at", async () => {
    let asked = (): void => {};
    const asking = new Promise<void>((resolve) => (asked = resolve));
    const { port, conversations } = await place({
      authorize() {
        asked();
        return new Promise(() => {});
      },
    });
    const websocket = ["Connection: Upgrade", "Upgrade: websocket"];
    const answer = raw(port, lines("GET /ws HTTP/1.1", "Host: a", ...websocket, "", ""));
    await asking;
    await conversations.drain(AbortSignal.abort());
    expect(await answer).toBe("");
  });

  it("does not wait for a client that answers no good-bye", async () => {
    const { url, conversations } = await place();
    const client = await open(url);
    client.socket.pause();
    await conversations.drain(new AbortController().signal);
    expect(conversations.open).toBe(0);
  });
});
