import type { ReactNode } from "react";
import { CopyButton } from "./copy-button.tsx";

export function CodeBlock(props: { readonly code: string; readonly language?: string | undefined }): ReactNode {
  const { code, language } = props;
  return (
    <figure className="code">
      <figcaption>
        <span>{language || "text"}</span>
        <CopyButton text={code} label="Copy code" />
      </figcaption>
      <pre dir="ltr">
        <code>{code}</code>
      </pre>
    </figure>
  );
}
