import type { BaseMessage } from "@langchain/core/messages";
import { END, MessagesAnnotation, START, StateGraph, type BaseCheckpointSaver } from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";
import { afterEach } from "vitest";
import type { CompiledGraph, Graph } from "../../src/graphs/index.ts";
import { startOpenAIServer, type OpenAIScript, type OpenAIServer } from "../../src/testing/index.ts";

/** The servers that models of this test ask, the last one last. Closed after it. */
export const providers: OpenAIServer[] = [];
afterEach(() => Promise.all(providers.splice(0).map((server) => server.close())));

/** A model that streams, unless something else is said. */
export async function model(
  script: OpenAIScript,
  { streaming }: { readonly streaming?: boolean | undefined } = { streaming: true },
): Promise<ChatOpenAI> {
  const server = await startOpenAIServer({ script });
  providers.push(server);
  return new ChatOpenAI({
    model: "gpt-4o-mini",
    apiKey: "key",
    maxRetries: 0,
    configuration: { baseURL: server.url },
    ...(streaming === undefined ? {} : { streaming }),
  });
}

/**
 * The server of these tests calls every answer by one name, and LangGraph takes messages of one name for one message:
 * here each has its own.
 */
export async function invoked(llm: Pick<ChatOpenAI, "invoke">, messages: BaseMessage[]): Promise<BaseMessage> {
  const said = await llm.invoke(messages);
  said.id = crypto.randomUUID();
  return said;
}

/** A graph of one node, which asks a model. */
export function chat(llm: ChatOpenAI, checkpointer?: BaseCheckpointSaver): CompiledGraph {
  return new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => ({ messages: [await invoked(llm, messages)] }))
    .addEdge(START, "chat")
    .addEdge("chat", END)
    .compile(checkpointer ? { checkpointer } : {});
}

/** The graph of the document. */
export const one = (build: Graph["build"], more: Partial<Graph> = {}): Graph =>
  ({ name: "streaming-chat", version: "1.0.0", build, ...more }) as Graph;

export const story: OpenAIScript = function* () {
  for (const text of ["Once", " ", "upon", "\n", "a time"]) yield { type: "text", text };
  yield { type: "finish" };
  yield { type: "usage", input: 7, output: 5 };
};
