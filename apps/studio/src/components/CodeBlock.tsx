import type { ReactNode } from "react";
import { CopyButton } from "./CopyButton.tsx";

export function CodeBlock(props: { readonly code: string; readonly language?: string | undefined }): ReactNode {
  const { code, language } = props;
  return (
    <figure className="code">
      <figcaption>
        <span>{language || "text"}</span>
        <CopyButton text={code} label="Copy code" />
      </figcaption>
      <pre tabIndex={0} aria-label={`Code, ${language || "text"}`} dir="ltr">
        <code>{code}</code>
      </pre>
    </figure>
  );
}
