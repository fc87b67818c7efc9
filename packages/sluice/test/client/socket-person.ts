import {
  createSocketConversation,
  type SocketConversation,
  type SocketConversationClientOptions,
  type SocketConversationState,
} from "sluice/client";
import { afterEach } from "vitest";
import { WebSocket as NodeSocket } from "ws";
import { fakeAudio, type FakeAudio } from "./socket-audio.ts";

/** Who talks in a test, with ears and mouth of the test's own. */
export interface Person {
  readonly conversation: SocketConversation;
  readonly audio: FakeAudio;
  /** Each state once, in order. */
  readonly states: readonly string[];
  readonly state: SocketConversationState;
  until(wanted: (state: SocketConversationState) => boolean): Promise<SocketConversationState>;
  untilState(voiceAgentState: string): Promise<SocketConversationState>;
  untilOpen(): Promise<SocketConversationState>;
}

const people: SocketConversation[] = [];
afterEach(() => people.splice(0).forEach((conversation) => conversation.close()));

export type BrowserSocketClass = new (url: URL, protocols: string[]) => WebSocket;

/** `ws` gives what a browser's WebSocket gives. */
const BrowserSocket: BrowserSocketClass = NodeSocket as unknown as BrowserSocketClass;
const asleep = { subscribe: () => () => {}, online: () => true };
/** The shortest backoff. */
const noJitter = (bytes: Uint8Array<ArrayBuffer>): Uint8Array => bytes.fill(0);

export function person(url: string, options: SocketConversationClientOptions = {}): Person {
  const audio = fakeAudio();
  const { socketConfig, ...rest } = options;
  const conversation = createSocketConversation({
    socketConfig: { url, ...socketConfig },
    audio,
    WebSocket: BrowserSocket,
    wake: asleep,
    random: noJitter,
    ...rest,
  });
  people.push(conversation);
  const states: string[] = [];
  conversation.subscribe(() => {
    const { voiceAgentState } = conversation.getSnapshot();
    if (states.at(-1) !== voiceAgentState) states.push(voiceAgentState);
  });
  const until: Person["until"] = (wanted) =>
    new Promise((resolve) => {
      const look = (): void => {
        const state = conversation.getSnapshot();
        if (!wanted(state)) return;
        unsubscribe();
        resolve(state);
      };
      const unsubscribe = conversation.subscribe(look);
      look();
    });
  return {
    conversation,
    audio,
    states,
    until,
    get state() {
      return conversation.getSnapshot();
    },
    untilState: (voiceAgentState) => until((state) => state.voiceAgentState === voiceAgentState),
    untilOpen: () => until(({ connection }) => connection.status === "open"),
  };
}
