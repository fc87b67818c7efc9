export { createHub } from "./hub.ts";
export type { Hub, HubOptions, OpenOptions, Progress, StartOptions, SubscribeOptions } from "./hub.ts";
export { createMemoryTopics } from "./memory.ts";
export type { MemoryTopicsOptions } from "./memory.ts";
export type { Send, Subscription } from "./channel.ts";
export type { TopicEvent } from "./event.ts";
export type { TopicStore, TopicStoreOptions } from "./store.ts";
