import { z } from "zod";
import { publicError } from "../base/errors.ts";
import { threadNotFound } from "../run/conversations.ts";
import type { KeptFile, Turn } from "../run/index.ts";
import { wrongField, type Ask } from "./ask.ts";
import { readBody } from "./body.ts";
import { pageOf } from "./page.ts";
import { authorized } from "./read.ts";
import { empty, json } from "./reply.ts";
import type { Service } from "./service.ts";
import type { Call, Reply } from "./types.ts";

/**
 * The question with what was said before it. `messages` in a request beat what is kept of its thread. Of files that were
 * sent before the model is told that they are gone: it would speak of them as if it saw them.
 */
export async function withHistory(service: Service, owner: string, ask: Ask): Promise<Ask> {
  if (ask.threadId === undefined || ask.continues !== true) return ask;
  const said = await service.conversations.messages(owner, ask.threadId);
  const messages = [
    ...said.map(({ role, content, files }) => ({ role, content: withNote(content, files) })),
    ...ask.messages,
  ];
  return { ...ask, messages, history: said.length };
}

/** Tells a thread of a question before there is a run for it. A thread that cannot be kept costs no answer. */
export async function announceTurn(service: Service, owner: string, ask: Ask, runId: string): Promise<void> {
  const { threadId } = ask;
  const turn = turnOf(ask, runId);
  if (threadId === undefined || turn === undefined) return;
  await service.conversations.announceQuestion(owner, threadId, turn).catch(notKept(service, runId));
}

/** Keeps a question in its thread, and the answer once there is one. A thread that cannot be kept costs no answer. */
export async function keepTurn(service: Service, owner: string, ask: Ask, runId: string): Promise<void> {
  const { threadId } = ask;
  const turn = turnOf(ask, runId);
  if (threadId === undefined || turn === undefined) return;
  const { conversations, runs } = service;
  await conversations.addQuestion(owner, threadId, turn).catch(notKept(service, runId));
  void runs
    .ended(runId)
    .then(() => conversations.addAnswer(owner, threadId, runId))
    .catch(notKept(service, runId));
}

function turnOf({ messages, continues }: Ask, runId: string): Turn | undefined {
  const asked = messages.filter(({ role }) => role === "user");
  const last = asked.at(-1);
  if (last === undefined) return undefined;
  const { content, files } = last;
  const kept = files?.map(({ mediaType, filename }) => ({
    mediaType,
    ...(filename === undefined ? {} : { filename }),
  }));
  const said = asked.map((message) => message.content);
  return { runId, content, ...(kept ? { files: kept } : {}), ...(continues === true ? {} : { said }) };
}

function withNote(content: string, files: readonly KeptFile[] = []): string {
  const notes = files.map(
    ({ filename = "a file", mediaType }) => `[Attached, and not kept: ${filename} (${mediaType})]`,
  );
  return [content, ...notes].filter((line) => line !== "").join("\n");
}

function notKept({ log }: Service, runId: string): (error: unknown) => void {
  return (error) => log("error", "thread not kept", { run: runId, code: publicError(error).code, error });
}

/** `GET /threads?limit=&before=`: the caller's conversations, newest first. */
export async function listThreads(service: Service, call: Call): Promise<Reply> {
  const { owner, headers } = await authorized(service, call, { kind: "list" });
  return json(200, await service.conversations.list(owner, pageOf(call)), headers);
}

/** `GET /threads/<id>`: a conversation with its messages. */
export async function getThread(service: Service, call: Call, threadId: string): Promise<Reply> {
  const { owner, headers } = await authorized(service, call, { kind: "thread", threadId });
  const thread = await service.conversations.get(owner, threadId);
  if (!thread) throw threadNotFound();
  return json(200, { ...thread, messages: await service.conversations.messages(owner, threadId) }, headers);
}

const renaming = z.object({ title: z.string().trim().min(1).max(200) });

/** `PATCH /threads/<id> {title}` */
export async function renameThread(service: Service, call: Call, threadId: string): Promise<Reply> {
  const { owner, headers } = await authorized(service, call, { kind: "thread", threadId });
  const parsed = renaming.safeParse(await readBody(call));
  if (!parsed.success) throw wrongField("title", "title: a text of 1 to 200 characters.");
  return json(200, await service.conversations.rename(owner, threadId, parsed.data.title), headers);
}

/** `DELETE /threads/<id>`: with its ended runs. */
export async function deleteThread(service: Service, call: Call, threadId: string): Promise<Reply> {
  const { owner, headers } = await authorized(service, call, { kind: "thread", threadId });
  await service.conversations.delete(owner, threadId);
  return empty(204, headers);
}
