import { vi, expect } from "vitest";
import type { RunEvent } from "../../../src/chat/index.ts";
import {
  createChat,
  type Chat,
  type ChatAnswer,
  type ChatOptions,
  type ChatStorage,
} from "../../../src/client/index.ts";
import { createFakeGateway, type FakeGateway } from "./fake-gateway.ts";

export const PATIENCE = { timeout: 15_000, interval: 5 };

export interface PageOptions extends ChatOptions {
  readonly gateway?: FakeGateway;
  readonly manualFrames?: boolean;
  /** Time stands still: no second attempt comes. */
  readonly patient?: boolean;
}

export interface TestPage {
  readonly chat: Chat;
  readonly gateway: FakeGateway;
  readonly storage: ChatStorage;
  /** Those asked for, where frames are manual. */
  readonly frames: (() => void)[];
  /** What the page is told. */
  readonly published: { readonly count: number };
}

/** A page with a chat in it that is looked at. */
export function openPage(options: PageOptions = {}): TestPage {
  const { gateway = createFakeGateway(), manualFrames, patient, ...own } = options;
  const storage = options.storage ?? memoryStorage();
  const frames: (() => void)[] = [];
  const published = { count: 0 };
  const chat = createChat({
    url: "http://studio.test/stream",
    fetch: gateway.fetch,
    random: noDelay,
    nextFrame: (run) => (manualFrames ? void frames.push(run) : queueMicrotask(run)),
    ...(patient ? { clock: stillClock } : {}),
    ...own,
    storage,
  });
  chat.subscribe(() => (published.count += 1));
  return { chat, gateway, storage, frames, published };
}

/** Ids of 16 bytes are random; a backoff takes 2, and no time. */
export function noDelay(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  return bytes.length === 2 ? bytes.fill(0) : crypto.getRandomValues(bytes);
}

const stillClock = { now: () => 0, timer: () => () => {} };

export function memoryStorage(room = Infinity): ChatStorage & { readonly items: Map<string, string> } {
  const items = new Map<string, string>();
  return {
    items,
    getItem: (key) => items.get(key) ?? null,
    setItem(key, value) {
      if (value.length > room) throw new DOMException("full", "QuotaExceededError");
      items.set(key, value);
    },
    removeItem: (key) => void items.delete(key),
  };
}

/** What a page keeps at this moment for a reload. */
export function kept({ storage }: Pick<TestPage, "storage">): ChatStorage {
  const copy = memoryStorage();
  for (const [key, value] of (storage as ReturnType<typeof memoryStorage>).items) copy.setItem(key, value);
  return copy;
}

export const start: RunEvent = { type: "start", messageId: "m" };
export const finish: RunEvent = { type: "finish", finishReason: "stop" };

export function delta(words: string): RunEvent {
  return { type: "text-delta", id: "t", delta: words };
}

export function text(words: string): readonly RunEvent[] {
  return [{ type: "text-start", id: "t" }, delta(words)];
}

export function answer(chat: Chat): ChatAnswer | undefined {
  const last = chat.getSnapshot().messages.at(-1);
  return last?.role === "assistant" ? last : undefined;
}

export function said(chat: Chat): string {
  return answer(chat)?.content ?? "";
}

export async function status(chat: Chat, wanted: string): Promise<void> {
  await vi.waitFor(() => expect(chat.getSnapshot().status).toBe(wanted), PATIENCE);
}

export async function saying(chat: Chat, words: string): Promise<void> {
  await vi.waitFor(() => expect(said(chat)).toBe(words), PATIENCE);
}

export async function answered(
  { chat, gateway }: Pick<TestPage, "chat" | "gateway">,
  question: string,
  words: string,
): Promise<void> {
  chat.send(question);
  await status(chat, "streaming");
  gateway.send(start, ...text(words), finish);
  await status(chat, "ready");
}

/** All that is under way without a timer has happened. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

export async function unreachable(): Promise<Response> {
  throw new TypeError("fetch failed");
}

/** Question and answer in turns, as one may read them. */
export function transcript(chat: Chat): readonly string[] {
  return chat.getSnapshot().messages.map(({ role, content }) => `${role}: ${content}`);
}
