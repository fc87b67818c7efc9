import type { MessagePart } from "sluice/chat";
import { memo, type ReactNode } from "react";
import { Icon } from "./icon.tsx";
import { JsonView } from "./json-view.tsx";

type Data = Extract<MessagePart, { readonly type: `data-${string}` }>;

/** What an application puts beside the words of an answer. This page does not know what it means, so it shows it. */
export const DataPart = memo(function DataPart({ part }: { readonly part: Data }): ReactNode {
  const name = part.type.slice("data-".length);
  return (
    <details className="aside data">
      <summary>
        <Icon name="data" />
        <span className="aside-name">{name}</span>
        <span className="aside-preview" dir="auto">
          {JSON.stringify(part.data)?.slice(0, 200)}
        </span>
      </summary>
      <div className="aside-body">
        <JsonView label={`Data: ${name}`} value={part.data} />
      </div>
    </details>
  );
});
