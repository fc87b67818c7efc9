import type { ChatSnapshot } from "sluice/client";

export interface ConnectionWords {
  readonly tone: "quiet" | "warn" | "ok";
  readonly text: string;
  /** Beside it, where there is room. */
  readonly more?: string;
  /** Trying now is worth offering. */
  readonly retry: boolean;
  /** The words count down. */
  readonly ticking: boolean;
  /** Worth telling a screen reader, once: the same for all ticks. */
  readonly spoken?: string;
}

type Told = Pick<ChatSnapshot, "connection" | "status">;

/** What is to be said of the connection; undefined when all is as it should be. */
export function connectionWords({ connection, status }: Told, now: number): ConnectionWords | undefined {
  const asked = status === "streaming";
  switch (connection.status) {
    case "idle":
      return undefined;
    case "connecting":
      return connection.attempt <= 1
        ? undefined
        : { tone: "warn", text: "Reconnecting…", retry: false, ticking: false };
    case "open":
      return connection.shared
        ? {
            tone: "quiet",
            text: "Another tab is reading",
            more: "This one is told every word at once, over the same connection.",
            retry: false,
            ticking: false,
          }
        : undefined;
    case "waiting":
      break;
  }
  if (connection.reason === "offline") {
    return {
      tone: "warn",
      text: "Offline",
      more: asked ? "The answer goes on without you, and continues here." : "Your message is sent when you are back.",
      retry: true,
      ticking: false,
      spoken: "You are offline.",
    };
  }
  const lost = connection.reason === "unreachable";
  const seconds = Math.ceil((connection.retryAt - now) / 1_000);
  const when = seconds > 0 ? ` in ${seconds} s` : "…";
  const verb = lost && asked ? "Reconnecting" : "Trying again";
  const what = lost ? (asked ? "Connection lost." : "The server cannot be reached.") : "The server is busy.";
  return {
    tone: "warn",
    text: `${verb}${when}`,
    more: what,
    retry: true,
    ticking: seconds > 0,
    spoken: `${what} ${verb}.`,
  };
}

/** After a break: shown for a moment. */
export function resumedWords(resumed: number): ConnectionWords {
  const times = resumed === 1 ? "" : ` ${resumed} times`;
  return {
    tone: "ok",
    text: `Resumed${times}, 0 lost`,
    more: "Every word is here, once.",
    retry: false,
    ticking: false,
    spoken: "Connected again, nothing is lost.",
  };
}
