import type { ChatSnapshot } from "sluice/client";
import { useState, type ReactNode } from "react";
import { spokenAnswer, statusWords } from "../state/announcement.ts";
import { isRunning } from "../state/studio.ts";

/**
 * For screen readers. The log itself is silent: a word, or a part of one, many times a second is nothing to listen to.
 * The answer is read out when it is whole, and only if this page has seen it come.
 */
export function Announcer({ snapshot }: { readonly snapshot: ChatSnapshot }): ReactNode {
  const { status, messages } = snapshot;
  const running = isRunning(status);
  const [wasRunning, setWasRunning] = useState(running);
  const [spoken, setSpoken] = useState("");
  if (running !== wasRunning) {
    setWasRunning(running);
    const last = messages.at(-1);
    setSpoken(!running && last?.role === "assistant" ? spokenAnswer(last) : "");
  }
  return (
    <>
      <output className="sr-only">{statusWords(snapshot)}</output>
      <p className="sr-only" aria-live="polite">
        {spoken}
      </p>
    </>
  );
}
