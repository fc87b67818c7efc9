import { describe, expect, it } from "vitest";
import type { ChatEvent, Message } from "../../src/chat/index.ts";
import { readMessage, type StreamEvent } from "../../src/client/index.ts";

async function* worded(chats: readonly (ChatEvent | string)[]): AsyncGenerator<StreamEvent> {
  for (const chat of chats) yield { event: "message", data: typeof chat === "string" ? chat : JSON.stringify(chat) };
}

async function collect(events: AsyncIterable<StreamEvent>): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of readMessage(events)) messages.push(message);
  return messages;
}

describe("readMessage", () => {
  it("tells the message after each event, and at last the whole one", async () => {
    const messages = await collect(
      worded([
        { type: "start", messageId: "msg_1" },
        { type: "text-start", id: "t" },
        { type: "text-delta", id: "t", delta: "Hel" },
        { type: "text-delta", id: "t", delta: "lo" },
        { type: "text-end", id: "t" },
        { type: "finish", finishReason: "stop" },
        "[DONE]",
      ]),
    );
    expect(messages.map(({ parts }) => parts.map((part) => ("text" in part ? part.text : "")).join(""))).toEqual([
      "",
      "",
      "Hel",
      "Hello",
      "Hello",
      "Hello",
    ]);
    expect(messages.map(({ status }) => status)).toEqual([...Array<string>(5).fill("streaming"), "finished"]);
    expect(messages.at(-1)).toMatchObject({ id: "msg_1", finishReason: "stop" });
  });

  it.each(["not JSON", "[]", "{}"])("fails for %s, which is no event of the dialect", async (data) => {
    await expect(collect(worded([data]))).rejects.toMatchObject({ code: "chat/invalid-event" });
  });
});
