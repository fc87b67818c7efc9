import type { ToolPart } from "sluice/chat";
import type { ReactNode } from "react";
import { Icon } from "./icon.tsx";

export function ToolCall({ call }: { readonly call: ToolPart }): ReactNode {
  const input = call.input === undefined ? call.inputText : asText(call.input);
  return (
    <details className="aside tool" data-state={call.state}>
      <summary>
        <Icon name="tool" />
        <span className="tool-name">{call.title ?? call.toolName}</span>
        <span className="tool-state">{STATES[call.state]}</span>
      </summary>
      <div className="aside-body">
        {input && <Value label="Input" text={input} />}
        {call.output !== undefined && <Value label="Output" text={asText(call.output)} />}
        {call.errorText !== undefined && <Value label="Error" text={call.errorText} />}
      </div>
    </details>
  );
}

const STATES: Readonly<Record<ToolPart["state"], string>> = {
  "input-streaming": "preparing…",
  "input-available": "running…",
  "approval-requested": "waits for approval",
  "output-available": "done",
  "output-error": "failed",
  "output-denied": "denied",
};

function Value({ label, text }: { readonly label: string; readonly text: string }): ReactNode {
  return (
    <>
      <h3>{label}</h3>
      <pre>{text}</pre>
    </>
  );
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "");
}
