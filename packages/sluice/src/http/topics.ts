import { z } from "zod";
import { SluiceError, isSluiceError } from "../base/errors.ts";
import { runNotFound } from "../run/state.ts";
import { checkName } from "../hub/check.ts";
import type { Hub, StartOptions } from "../hub/index.ts";
import { wrongField } from "./ask.ts";
import { readBody, tooLarge } from "./body.ts";
import { seated } from "./limits.ts";
import { authorized, formFor, readReply, streamReply, type Authorized } from "./read.ts";
import { json } from "./reply.ts";
import type { Route } from "./routes.ts";
import type { Service } from "./service.ts";
import { TopicStream, type TopicPieces } from "./topics-stream.ts";
import type { Call, Reply, RequestLike, StreamOptions } from "./types.ts";

export interface TopicsOptions {
  /** Stays the caller's, to be let go of after the last request. */
  readonly hub: Hub;
  /**
   * Who may do what with which topic. Default: everybody has topics of their own, `ownTopic(owner, key)`, and is there by
   * the name that `?as=` says.
   */
  readonly authorize?: AuthorizeTopic;
}

/**
 * Asked after `authorize` of the server has said who it is. undefined is answered 404; to refuse with 403, throw a
 * SluiceError `auth/forbidden`.
 */
export type AuthorizeTopic = (
  request: RequestLike,
  action: TopicAction,
) => TopicAccess | undefined | Promise<TopicAccess | undefined>;

export interface TopicAction {
  readonly kind: "subscribe" | "publish";
  /** As the path says it. */
  readonly key: string;
  readonly owner: string;
}

export interface TopicAccess {
  /** As the hub knows the topic. */
  readonly key: string;
  /** The name by which others see the caller: in `presence`, and when it types. */
  readonly who?: string;
}

/** The hub's key for a topic of one owner, for whoever tells it something from the server's side. */
export function ownTopic(owner: string, key: string): string {
  return `${owner.replace(/[%/]/g, encodeURIComponent)}/${key}`;
}

/** `GET` and `POST /topics/<key>`. */
export function topicRoutes(service: Service, options: TopicsOptions, pieces: TopicPieces): readonly Route[] {
  return [
    { method: "GET", path: "/topics/*", handle: (call, key) => subscribe(service, options, pieces, { call, key }) },
    { method: "POST", path: "/topics/*", handle: (call, key) => publish(service, options, call, key) },
  ];
}

/** SSE after `Last-Event-ID`, else `?after=`, else with the newest `?last=`, else what comes from now on. */
async function subscribe(
  service: Service,
  options: TopicsOptions,
  pieces: TopicPieces,
  { call, key: name }: { readonly call: Call; readonly key: string },
): Promise<Reply> {
  const { hub } = options;
  const { key, who, caller } = await accessTo(service, options, call, { kind: "subscribe", key: name });
  const start = startOf(call);
  return seated(service, { owner: caller.owner, action: "read", method: call.method }, async () => {
    const topic = { hub, key, name, who, headers: caller.headers };
    return topicReply(service, pieces, call, topic, start);
  });
}

interface TopicToRead extends ReadTopic {
  readonly name: string;
  readonly who: string | undefined;
}

async function topicReply(
  service: Service,
  pieces: TopicPieces,
  call: Call,
  { hub, key, name, who, headers = {} }: TopicToRead,
  start: StartOptions,
): Promise<Reply> {
  const from = await hub.locate(key, start);
  const stream = { hub, pieces, key, name, from, resumed: start.after !== undefined, who };
  return streamReply(service, call, headers, (wire) => new TopicStream(service, stream, wire));
}

/** A topic to stream from a route of one's own. */
export interface ReadTopic {
  readonly hub: Pick<Hub, "locate" | "open">;
  /** As the hub knows it; the reader is told it too. */
  readonly key: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a route of one's own may answer with. Its callers have been let in by then, and take no reader's place. */
export interface RouteStreams {
  /**
   * The topic as SSE, after `Last-Event-ID`, else `?after=`, else with the newest `?last=`, else what comes from now on.
   * @throws SluiceError `log/gap`, `offset/malformed`, `offset/beyond-end`, `request/invalid`
   */
  topic(call: Call, topic: ReadTopic): Promise<Reply>;
  /**
   * A run as its owner reads it, whoever that is, in the dialect that the request asks for. No observer is told.
   * @throws SluiceError `run/not-found`; what reading refuses
   */
  run(call: Call, runId: string, options?: Pick<StreamOptions, "basePath">): Promise<Reply>;
}

export function routeStreams(service: Service, pieces: TopicPieces): RouteStreams {
  const unseen: Service = { ...service, observer: undefined };
  return {
    topic: async (call, topic) =>
      topicReply(service, pieces, call, { ...topic, name: topic.key, who: undefined }, startOf(call)),
    async run(call, runId, options = {}) {
      const run = await service.runs.get(runId);
      if (!run) throw runNotFound();
      return readReply(unseen, call, run, { ...options, form: formFor(unseen, call, run) });
    },
  };
}

const MAX_LAST = 10_000;

function startOf(call: Call): { readonly after: string | undefined; readonly last: number } {
  const header = call.headers.get("last-event-id");
  const after = header === null || header === "" ? call.location.searchParams.get("after") : header;
  const last = Number(call.location.searchParams.get("last") ?? 0);
  if (Number.isInteger(last) && last >= 0 && last <= MAX_LAST) return { after: after ?? undefined, last };
  throw wrongField("last", `last must be a whole number from 0 to ${MAX_LAST}.`);
}

const MAX_NAME = 128;
// What the hub says itself: nobody is to say it in its place.
const RESERVED: ReadonlySet<string> = new Set(["connected", "presence"]);

const told = z.object({
  event: z
    .string()
    .min(1)
    .max(MAX_NAME)
    .refine((name) => !/[\r\n\0]/.test(name), { error: "must be one line" })
    .default("message"),
  data: z.unknown().optional(),
});

/** `{event?, data?}` -> 202 `{id}`. An event `typing` is kept for its time: `{isTyping}`, by who is said to be there. */
async function publish(service: Service, options: TopicsOptions, call: Call, name: string): Promise<Reply> {
  const { key, who, caller } = await accessTo(service, options, call, { kind: "publish", key: name });
  const parsed = told.safeParse(await readBody(call));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw wrongField(issue?.path.join(".") || "body", `${issue?.path.join(".") || "body"}: ${issue?.message}.`);
  }
  const { event, data } = parsed.data;
  if (RESERVED.has(event)) throw wrongField("event", `${event} is an event of the server's own.`);
  if (event === "typing") {
    await options.hub.typing(key, typist(who), isTyping(data));
    return json(202, {}, caller.headers);
  }
  try {
    return json(202, { id: await options.hub.broadcast(key, event, data) }, caller.headers);
  } catch (error) {
    if (isSluiceError(error, "sse/event-too-large")) throw tooLarge(Number(error.details["limit"]));
    // Of what came out of JSON only that has no JSON form which is too deep.
    if (isSluiceError(error, "sse/invalid-data")) throw wrongField("data", "data: nested too deep.");
    throw error;
  }
}

function typist(who: string | undefined): string {
  if (who !== undefined) return who;
  throw wrongField("as", "Who types is said by ?as=<name>.");
}

function isTyping(data: unknown): boolean {
  const parsed = z.object({ isTyping: z.boolean() }).safeParse(data);
  if (parsed.success) return parsed.data.isTyping;
  throw wrongField("data", "data of an event typing is {isTyping: true} or {isTyping: false}.");
}

interface Access {
  readonly key: string;
  readonly who: string | undefined;
  readonly caller: Authorized;
}

/** @throws SluiceError `auth/*`, `request/invalid`, `option/invalid`; `request/not-found`, the same for a topic that may not be seen as for none */
async function accessTo(
  service: Service,
  { authorize }: TopicsOptions,
  call: Call,
  { kind, key }: Pick<TopicAction, "kind" | "key">,
): Promise<Access> {
  const caller = await authorized(service, call, { kind, topic: key });
  const { owner } = caller;
  checkLength("key", key);
  if (!authorize) return { key: ownTopic(owner, key), who: nameIn(call), caller };
  const access = await authorize(call, { kind, key, owner });
  if (!access) throw new SluiceError("request/not-found", "There is nothing at this path.");
  // Before a header is out: later a mistake here would be a connection that is cut.
  const who = access.who === undefined ? undefined : checkName("who", access.who);
  return { key: checkName("key", access.key), who, caller };
}

function nameIn(call: Call): string | undefined {
  const name = call.location.searchParams.get("as");
  return name === null ? undefined : checkLength("as", name);
}

function checkLength(field: string, name: string): string {
  if (name !== "" && name.length <= MAX_NAME) return name;
  throw wrongField(field, `${field} must have 1 to ${MAX_NAME} characters.`);
}
