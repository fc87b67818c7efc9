import type { ChatError } from "sluice/client";

/** True when a key of this server is what is missing. */
export function needsKey(error: Pick<ChatError, "code" | "status"> | undefined): boolean {
  return error !== undefined && (error.status === 401 || error.code === "auth/required");
}

/** What a person can do about it, where there is more to say than "try again". */
export function adviceFor({ code, status }: Pick<ChatError, "code" | "status">): string | undefined {
  return ADVICE.get(code) ?? (status === undefined ? undefined : BY_STATUS.get(status));
}

const ADVICE: ReadonlyMap<string, string> = new Map([
  ["client/gave-up", "Check the network. What has come so far is kept, and trying again continues from there."],
  ["client/offline", "Check the network. What has come so far is kept, and trying again continues from there."],
  ["run/not-found", "The server no longer has this answer. Trying again asks the question anew."],
  ["run/producer-lost", "The server that wrote it was lost. Trying again asks the question anew."],
  ["run/shutdown", "The server was restarted. Trying again asks the question anew."],
  ["run/draining", "The server is being restarted. Try again in a moment."],
  ["run/too-many", "The server is busy. Try again in a moment."],
  ["run/max-duration", "Ask for a shorter answer, or for one part at a time."],
  ["run/source-truncated", "What has come so far is kept. Trying again asks for the rest of it, or anew."],
  ["request/too-large", "Send less or smaller files, or begin a new chat."],
  ["request/rate-limited", "Wait a minute, then try again."],
  ["request/too-many-streams", "Close other tabs with running answers, then try again."],
  ["thread/not-found", "It was deleted, or it is somebody else's. Begin a new chat."],
  ["log/gap", "A part of this answer is no longer kept. Trying again asks the question anew."],
  ["log/rewound", "The server lost a part of this answer. Trying again asks the question anew."],
  ["llm/failed", "Trying again often helps. Another model may, too."],
]);

const BY_STATUS: ReadonlyMap<number, string> = new Map([
  [403, "Ask whoever runs this server for access."],
  [413, "Send less or smaller files, or begin a new chat."],
  [429, "Wait a minute, then try again."],
  [503, "The server is busy. Try again in a moment."],
]);
