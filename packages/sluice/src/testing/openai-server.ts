import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { isObject } from "../base/json.ts";
import { encodeEvent, sseHeaders } from "../sse/index.ts";

/** One thing the server does. Without `finish` the answer has no finish reason: that is a truncated one. */
export type OpenAIStep =
  /** With `cut`, the bytes go out in two pieces, cut inside the first character that has several. */
  | { readonly type: "text"; readonly text: string; readonly cut?: boolean }
  | { readonly type: "reasoning"; readonly text: string }
  /** A fragment of a tool call: the first of an index has `id` and `name`, all may have `arguments`. */
  | {
      readonly type: "tool";
      readonly index?: number;
      readonly id?: string;
      readonly name?: string;
      readonly arguments?: string;
    }
  /** Default `stop`. */
  | { readonly type: "finish"; readonly reason?: string }
  | { readonly type: "usage"; readonly input: number; readonly output: number }
  /** Bytes as they are. */
  | { readonly type: "raw"; readonly bytes: string | Uint8Array }
  /** A status and an error object instead of an answer. Only as the first step. */
  | {
      readonly type: "status";
      readonly status: number;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** An error object in the middle of the stream, after which the stream ends. */
  | { readonly type: "error"; readonly message: string; readonly code?: string }
  /** Sends nothing more and keeps the connection, until the client leaves or the server closes. */
  | { readonly type: "stall" }
  /** Breaks the connection, after what was sent before. */
  | { readonly type: "destroy" }
  /** Ends the response cleanly, without `[DONE]`. */
  | { readonly type: "end" };

/** Steps may be made as they are sent: an async generator that waits for the test holds the server at that point. */
export type OpenAIScript = (request: OpenAIServerRequest) => Iterable<OpenAIStep> | AsyncIterable<OpenAIStep>;

export interface OpenAIServerRequest {
  readonly headers: IncomingHttpHeaders;
  /** The JSON that came; empty when it was none. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Resolves at the end of the exchange: true when the connection was gone before the response was complete. */
  readonly disconnected: Promise<boolean>;
}

export interface OpenAIServerOptions {
  /** Default: a short greeting with finish reason and usage. */
  readonly script?: OpenAIScript;
}

export interface OpenAIServer {
  /** For `baseURL`. */
  readonly url: string;
  /** Calls of the model so far, in the order they came. */
  readonly requests: readonly OpenAIServerRequest[];
  /** Breaks what is open. */
  close(): Promise<void>;
}

/** A server on 127.0.0.1 that speaks OpenAI's chat completions, streamed or not, and does what its script says. */
export async function startOpenAIServer(options: OpenAIServerOptions = {}): Promise<OpenAIServer> {
  const { script = greeting } = options;
  const requests: OpenAIServerRequest[] = [];
  const server = createServer((message, response) => {
    // A script that throws, or a client that leaves in the middle of its request, breaks this one connection.
    answer(message, response, { script, requests }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Exchange {
  readonly script: OpenAIScript;
  readonly requests: OpenAIServerRequest[];
}

async function answer(message: IncomingMessage, response: ServerResponse, exchange: Exchange): Promise<void> {
  if (message.method !== "POST" || message.url?.endsWith("/chat/completions") !== true) {
    sendJson(response, 404, errorBody("There is nothing here."));
    return;
  }
  const disconnected = new Promise<boolean>((resolve) => {
    response.once("close", () => resolve(!response.writableFinished));
  });
  const request: OpenAIServerRequest = { headers: message.headers, body: await readJson(message), disconnected };
  exchange.requests.push(request);

  const sender = request.body["stream"] === true ? streamed(response, request) : whole(response, request);
  for await (const step of exchange.script(request)) {
    if (response.destroyed) return;
    switch (step.type) {
      case "stall":
        await disconnected;
        return;
      case "destroy":
        response.destroy();
        return;
      case "status":
        sendJson(response, step.status, errorBody(step.message ?? `Status ${step.status}.`), step.headers);
        return;
      case "error":
        sender.fail(step);
        return;
      case "end":
        sender.end("");
        return;
      default:
        await sender.send(step);
    }
  }
  sender.end(encodeEvent({ data: "[DONE]" }));
}

type Step<Type extends OpenAIStep["type"]> = Extract<OpenAIStep, { readonly type: Type }>;
type DeltaStep = Step<"text" | "reasoning" | "tool" | "finish">;
type ContentStep = DeltaStep | Step<"usage" | "raw">;

interface Sender {
  /** Resolves when the bytes have left and a client in this process has read them: what follows is another piece. */
  send(step: ContentStep): Promise<void>;
  fail(step: Step<"error">): void;
  end(last: string): void;
}

function streamed(response: ServerResponse, request: OpenAIServerRequest): Sender {
  // Only clients that ask for usage get it, and their other chunks then say that they have none.
  const options = request.body["stream_options"];
  const withUsage = isObject(options) && options["include_usage"] === true;
  const chunk = (fields: object): string =>
    encodeEvent({ data: JSON.stringify({ ...envelope(request, "chat.completion.chunk"), ...fields }) });
  const open = (): void => {
    if (!response.headersSent) response.writeHead(200, { ...sseHeaders(), "x-request-id": "req_test" });
  };
  const write = async (bytes: string | Uint8Array): Promise<void> => {
    open();
    const written = new Promise<void>((resolve) => response.write(bytes, () => resolve()));
    await Promise.race([written, request.disconnected]);
    await turn();
    await turn();
  };
  let role: { readonly role?: string } = { role: "assistant" };
  return {
    async send(step) {
      if (step.type === "raw") return write(step.bytes);
      if (step.type === "usage") return withUsage ? write(chunk({ choices: [], usage: usageOf(step) })) : undefined;
      const { delta, finishReason } = contentOf(step);
      const choice = { index: 0, delta: { ...role, ...delta }, finish_reason: finishReason, logprobs: null };
      role = {};
      const bytes = Buffer.from(chunk({ choices: [choice], ...(withUsage && { usage: null }) }));
      const middle = step.type === "text" && step.cut === true ? bytes.findIndex((byte) => byte >= 0xc0) + 1 : 0;
      if (middle > 0) await write(bytes.subarray(0, middle));
      await write(bytes.subarray(middle));
    },
    fail(step) {
      open();
      response.end(encodeEvent({ data: JSON.stringify(errorBody(step.message, step.code)) }));
    },
    end(last) {
      open();
      response.end(last);
    },
  };
}

interface Content {
  readonly delta: object;
  readonly finishReason: string | null;
}

function contentOf(step: DeltaStep): Content {
  switch (step.type) {
    case "text":
      return { delta: { content: step.text }, finishReason: null };
    case "reasoning":
      return { delta: { reasoning_content: step.text }, finishReason: null };
    case "tool": {
      const named = {
        ...(step.name !== undefined && { name: step.name }),
        ...(step.arguments !== undefined && { arguments: step.arguments }),
      };
      const call = { index: step.index ?? 0, ...(step.id !== undefined && { id: step.id, type: "function" }) };
      return { delta: { tool_calls: [{ ...call, function: named }] }, finishReason: null };
    }
    case "finish":
      return { delta: {}, finishReason: step.reason ?? "stop" };
  }
}

function whole(response: ServerResponse, request: OpenAIServerRequest): Sender {
  const steps: ContentStep[] = [];
  const of = <Type extends ContentStep["type"]>(type: Type): Step<Type>[] =>
    steps.filter((step): step is Step<Type> & ContentStep => step.type === type);
  return {
    async send(step) {
      steps.push(step);
    },
    fail: (step) => sendJson(response, 500, errorBody(step.message, step.code)),
    end() {
      const reasoning = of("reasoning")
        .map(({ text }) => text)
        .join("");
      const calls = toolCalls(of("tool"));
      const message = {
        role: "assistant",
        content: of("text")
          .map(({ text }) => text)
          .join(""),
        refusal: null,
        ...(reasoning !== "" && { reasoning_content: reasoning }),
        ...(calls.length > 0 && { tool_calls: calls }),
      };
      const finish = of("finish").at(-1);
      const usage = of("usage").at(-1);
      sendJson(response, 200, {
        ...envelope(request, "chat.completion"),
        choices: [{ index: 0, message, finish_reason: finish ? (finish.reason ?? "stop") : null, logprobs: null }],
        ...(usage && { usage: usageOf(usage) }),
      });
    },
  };
}

function toolCalls(fragments: readonly Step<"tool">[]): object[] {
  const indexes = [...new Set(fragments.map(({ index = 0 }) => index))];
  return indexes.map((wanted) => {
    const parts = fragments.filter(({ index = 0 }) => index === wanted);
    const { id = "call_test", name = "" } = parts[0] ?? {};
    return { id, type: "function", function: { name, arguments: parts.map((part) => part.arguments ?? "").join("") } };
  });
}

function envelope(request: OpenAIServerRequest, object: string): object {
  return { id: "chatcmpl-test", object, created: 0, model: request.body["model"] };
}

function usageOf({ input, output }: Step<"usage">): object {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
}

function errorBody(message: string, code: string | null = null): object {
  return { error: { message, type: "test_error", param: null, code } };
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

async function readJson(message: IncomingMessage): Promise<Record<string, unknown>> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece);
  try {
    const value: unknown = JSON.parse(Buffer.concat(pieces).toString());
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function* greeting(): Generator<OpenAIStep> {
  yield { type: "text", text: "Hello" };
  yield { type: "text", text: " there." };
  yield { type: "finish" };
  yield { type: "usage", input: 1, output: 2 };
}
