import type { ToolPart } from "sluice/chat";
import { parsePartialJson } from "sluice/client";
import { memo, useState, type ReactNode } from "react";
import { Icon } from "./icon.tsx";
import { JsonView } from "./json-view.tsx";

interface ToolCallProps {
  readonly call: ToolPart;
  /** The answer goes on: what is open may still become something. */
  readonly running: boolean;
}

export const ToolCall = memo(function ToolCall({ call, running }: ToolCallProps): ReactNode {
  const [chosen, setChosen] = useState<boolean>();
  // Who is to approve something, or wonders what failed, sees what it is about.
  const open = chosen ?? (call.state === "approval-requested" || call.state === "output-error");
  const { words, kind } = stateOf(call, running);
  return (
    <details
      className="aside tool"
      data-kind={kind}
      open={open}
      onToggle={(event) => {
        if (event.currentTarget.open !== open) setChosen(event.currentTarget.open);
      }}
    >
      <summary>
        <Icon name="tool" />
        <span className="aside-name">{call.title ?? call.toolName}</span>
        <span className="aside-preview" dir="auto">
          {previewOf(call)}
        </span>
        <span className="tool-state">{words}</span>
      </summary>
      <div className="aside-body">{open && <ToolDetails call={call} />}</div>
    </details>
  );
});

function ToolDetails({ call }: { readonly call: ToolPart }): ReactNode {
  const { state, input, inputText = "", output, preliminary, errorText } = call;
  return (
    <>
      {state === "input-streaming" ? (
        <Value title="Input, so far" value={readable(inputText)} />
      ) : (
        <Value title="Input" value={input} />
      )}
      {output !== undefined && <Value title={preliminary ? "Output, so far" : "Output"} value={output} />}
      {errorText !== undefined && <Value title="Error" value={errorText} />}
      {call.providerExecuted === true && <p className="aside-note">Run by the model’s provider.</p>}
    </>
  );
}

function Value({ title, value }: { readonly title: string; readonly value: unknown }): ReactNode {
  if (value === undefined || value === "") return null;
  return (
    <>
      <p className="aside-title">{title}</p>
      <JsonView label={title} value={value} />
    </>
  );
}

type Kind = "busy" | "waiting" | "good" | "bad" | "none";

function stateOf({ state, preliminary }: ToolPart, running: boolean): { readonly words: string; readonly kind: Kind } {
  switch (state) {
    case "input-streaming":
      return running ? { words: "Preparing…", kind: "busy" } : { words: "Never called", kind: "none" };
    case "input-available":
      return running ? { words: "Running…", kind: "busy" } : { words: "No result came", kind: "none" };
    case "approval-requested":
      return { words: "Waits for approval", kind: "waiting" };
    case "output-available":
      if (preliminary !== true) return { words: "Done", kind: "good" };
      return running ? { words: "Running…", kind: "busy" } : { words: "Broken off", kind: "none" };
    case "output-error":
      return { words: "Failed", kind: "bad" };
    case "output-denied":
      return { words: "Denied", kind: "none" };
  }
}

const MOST_PREVIEW = 120;

/** An input that streams is read anew for each frame. */
const MOST_READ = 8_192;

function readable(inputText: string): unknown {
  return inputText.length > MOST_READ ? inputText : (parsePartialJson(inputText).value ?? inputText);
}

/** The input in a line: its values, which say more than its names. */
function previewOf({ state, input, inputText = "" }: ToolPart): string {
  const value = state === "input-streaming" ? parsePartialJson(inputText.slice(0, MOST_READ)).value : input;
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  const words = (isRecord ? Object.values(value) : [value]).map((one) =>
    typeof one === "string" ? one : JSON.stringify(one),
  );
  return words
    .filter((word) => word !== undefined)
    .join(", ")
    .slice(0, MOST_PREVIEW);
}
