import { createFold, type Message, type RunEvent } from "../chat/index.ts";

/** What the last frame of an answer shows: folds the text, the files and the metadata of a run, and nothing else. */
export interface Answer {
  add(event: RunEvent): void;
  readonly message: Message;
}

/** @param runId stands for the message until a `start` names it */
export function createAnswer(runId: string): Answer {
  const fold = createFold(runId);
  return {
    add(event) {
      // A reader's wording lives as long as the reader: reasoning and what tools said may be large.
      if ("type" in event && !LEFT_OUT.test(event.type)) fold.add(event);
    },
    get message() {
      return fold.message;
    },
  };
}

const LEFT_OUT = /^(?:reasoning|tool|data|source)-/;
