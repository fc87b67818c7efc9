import type { ChatQuestion } from "sluice/client";
import { memo, type ReactNode } from "react";
import { FilePart } from "./file-part.tsx";

/** What the person asked, as it was written, with what they attached. */
export const Question = memo(function Question({ message }: { readonly message: ChatQuestion }): ReactNode {
  const { role, parts, content, status } = message;
  const files = parts.filter((part) => part.type === "file");
  return (
    <div className="message question" data-role={role} data-status={status}>
      <span className="sr-only">{role === "system" ? "Instruction: " : "You: "}</span>
      {files.length > 0 && (
        <div className="attached">
          {files.map((file, index) => (
            <FilePart key={index} file={file} />
          ))}
        </div>
      )}
      {content !== "" && (
        <div className="bubble" dir="auto">
          {content}
        </div>
      )}
      {status === "failed" && <p className="note">Not sent</p>}
    </div>
  );
});
