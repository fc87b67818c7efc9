export interface StoredMessage {
  readonly role: "user" | "assistant";
  readonly content: string;
}

/** Stands for your own database. */
export interface Conversation {
  readonly owner: string;
  readonly messages: StoredMessage[];
}

export const conversations: Map<string, Conversation> = new Map();
