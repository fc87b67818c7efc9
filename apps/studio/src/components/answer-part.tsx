import type { MessagePart } from "sluice/chat";
import { memo, type ReactNode } from "react";
import { DataPart } from "./data-part.tsx";
import { FilePart } from "./file-part.tsx";
import { Markdown } from "./markdown.tsx";
import { Reasoning } from "./reasoning.tsx";
import { ToolCall } from "./tool-call.tsx";

interface AnswerPartProps {
  readonly part: MessagePart;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** The answer has its regular end: nothing in it is cut off. */
  readonly finished: boolean;
  readonly running: boolean;
}

export const AnswerPart = memo(function AnswerPart(props: AnswerPartProps): ReactNode {
  const { part, isFirst, isLast, finished, running } = props;
  if ("toolCallId" in part) return <ToolCall call={part} running={running} />;
  if (isData(part)) return <DataPart part={part} />;
  switch (part.type) {
    case "text": {
      const cut = isLast && !finished;
      return <Markdown text={part.text} unfinished={part.state === "streaming" || cut} />;
    }
    case "reasoning":
      // What follows it is the answer: then it has been thought, whether it was told so or not.
      return <Reasoning text={part.text} streaming={running && isLast && part.state === "streaming"} />;
    case "file":
      return <FilePart file={part} />;
    case "step-start":
      return isFirst ? null : <hr className="step" />;
    case "source-url":
    case "source-document":
      // They stand together below the answer.
      return null;
  }
});

function isData(part: MessagePart): part is Extract<MessagePart, { readonly type: `data-${string}` }> {
  return part.type.startsWith("data-");
}
