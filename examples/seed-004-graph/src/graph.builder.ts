import { Inject, Injectable } from "@nestjs/common";
import { SystemMessage } from "@langchain/core/messages";
import { END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";
import type { Redis } from "ioredis";
import { AbstractGraphBuilder, type CallbackHandler, type CompiledGraph, type GraphPayload } from "sluice/graphs";
import { REDIS } from "./tokens.ts";

const STORYTELLER =
  "You are a storyteller. Tell vivid stories with a beginning, a middle and an end, and take your time for each.";

/** A chat whose model streams, with one checkpoint a thread. */
@Injectable()
export class StreamingChatBuilder extends AbstractGraphBuilder {
  readonly version = "1.0.0";
  readonly #checkpointer = new MemorySaver();
  readonly #model: ChatOpenAI;
  readonly #redis: Redis;

  constructor(@Inject(REDIS) redis: Redis) {
    super();
    this.#redis = redis;
    this.#model = new ChatOpenAI({
      modelName: "gpt-4o-mini",
      temperature: 0.7,
      streaming: true, // Enable streaming
    });
  }

  buildGraph({ graphSettings, issueCallback }: GraphPayload): CompiledGraph {
    return new StateGraph(MessagesAnnotation)
      .addNode("chat", async ({ messages }) => ({
        messages: [await this.#model.invoke([new SystemMessage(STORYTELLER), ...messages])],
      }))
      .addNode("offer", async ({ messages }, { writer }: LangGraphRunnableConfig) => {
        const story = messages.at(-1)?.text ?? "";
        const token = await issueCallback({ handler: "save", params: { story: story.slice(0, 60_000) } });
        writer?.({ event: "action", data: { label: "Keep this story", token } });
        return {};
      })
      .addEdge(START, "chat")
      .addConditionalEdges("chat", () => (graphSettings["actions"] === true ? "offer" : END))
      .addEdge("offer", END)
      .compile({ checkpointer: this.#checkpointer });
  }

  /** What `POST /callback` does with the token of an answer. The token is the key, so that a story is kept once. */
  readonly save: CallbackHandler = async ({ owner, params, token }) => {
    const key = `stories:${owner}`;
    await this.#redis.hset(key, token, JSON.stringify(params));
    return { kept: await this.#redis.hlen(key) };
  };
}
