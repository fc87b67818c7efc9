import express, { type Express, type RequestHandler } from "express";
import { afterEach } from "vitest";
import {
  AgentFactory,
  ExpressEndpoint,
  NextEndpoint,
  type Agent,
  type ExposedAPI,
  type ExposeOptions,
  type RequestNames,
} from "../../src/agents/index.ts";
import type { NodeRequest } from "../../src/http/index.ts";
import { createGate, listen, Question, Reply, type Gate } from "./support.ts";

export const HELLO = [
  'agent-response {"text":"Hello"}',
  'agent-response {"text":" World"}',
  'done {"finishReason":"stop"}',
];

export interface Site {
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

export async function served(app: Express): Promise<Site & { readonly url: string }> {
  const { url, close } = await listen(app as never);
  open.push(close);
  return { url, fetch: (path, init) => fetch(url + path, init) };
}

export type Names = (headers: { get(name: string): string | null }) => RequestNames;

function withExpress(
  api: ExposedAPI,
  names: Names,
  ...before: RequestHandler[]
): Promise<Site & { readonly url: string }> {
  const app = express();
  for (const use of before) app.use(use);
  const of = (req: NodeRequest): RequestNames =>
    names({ get: (name) => (req.headers[name] as string | undefined) ?? null });
  const handler = ExpressEndpoint.from(api, {
    requestToContextId: (req) => of(req).contextId,
    requestToRunId: (req) => of(req).runId,
  }).handler();
  app.use("/api/chat", handler as never);
  return served(app);
}

export const SITES: Record<string, (api: ExposedAPI, names?: Names) => Promise<Site>> = {
  NextEndpoint: async (api, names = () => ({})) => {
    const handler = NextEndpoint.from(api, {
      requestToContextId: ({ headers }) => names(headers).contextId,
      requestToRunId: ({ headers }) => names(headers).runId,
    }).handler();
    return { fetch: (path, init) => handler(new Request(`http://next.test${path}`, init)) };
  },
  ExpressEndpoint: (api, names = () => ({})) => withExpress(api, names),
  "ExpressEndpoint behind express.json()": (api, names = () => ({})) => withExpress(api, names, express.json()),
};

export const post = (payload: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  body: JSON.stringify(payload),
  headers,
});
export const ask = post({ query: "Hi" });
export const asked = (payload: unknown): string => `/api/chat?payload=${encodeURIComponent(JSON.stringify(payload))}`;
export const codeOf = async (response: Response): Promise<unknown> =>
  ((await response.json()) as { readonly error: { readonly code: string } }).error.code;

/** Who says who he is, is allowed; `guest` has no name of his own. */
export const byName: NonNullable<ExposeOptions["auth"]> = ({ request }) => {
  const name = request.headers.get("x-user");
  if (name === null) return { allowed: false };
  return name === "guest" ? { allowed: true } : { allowed: true, owner: name };
};
export const as = (user: string): Record<string, string> => ({ "x-user": user });

export interface Waiting {
  readonly agent: Agent;
  readonly gate: Gate;
  readonly signals: readonly AbortSignal[];
}

/** Says one thing, and the rest when it is let to. */
export function waiting(): Waiting {
  const gate = createGate();
  const signals: AbortSignal[] = [];
  const agent = AgentFactory.run()
    .listensTo([Question])
    .emits([Reply])
    .logic(async ({ emit, signal }) => {
      signals.push(signal);
      await emit(Reply.make({ text: "Hello" }));
      await gate.opened;
      await emit(Reply.make({ text: " World" }));
    })
    .produce();
  return { agent, gate, signals };
}

/** Reads until the text holds something, and gives the reader for the rest. */
export async function readUntil(
  response: Response,
  wanted: string,
): Promise<{ text: string; rest(): Promise<string>; leave(): Promise<void> }> {
  const reader = (response.body as ReadableStream<Uint8Array>)
    .pipeThrough(new TextDecoderStream() as never)
    .getReader();
  let text = "";
  const more = async (): Promise<boolean> => {
    const { done, value } = (await reader.read()) as { done: boolean; value: string };
    if (!done) text += value;
    return !done;
  };
  while (!text.includes(wanted) && (await more()));
  return {
    text,
    async rest() {
      while (await more());
      return text;
    },
    leave: () => reader.cancel(),
  };
}
