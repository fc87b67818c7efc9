export { attachSocketConversation } from "./attach.ts";
export type { SocketConversations, UpgradingServer } from "./attach.ts";
export { loopback } from "./loopback.ts";
export type { LoopbackOptions } from "./loopback.ts";
export { VOICE_WORKLET } from "./worklet.ts";
export type {
  AdmitSocket,
  AuthorizeSocket,
  SocketConversationOptions,
  SocketLimits,
  Talk,
  TalkAnswer,
  TalkHandler,
} from "./types.ts";
export type { AudioFormat } from "../client/socket-messages.ts";
