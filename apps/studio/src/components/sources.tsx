import type { MessagePart } from "sluice/chat";
import type { ReactNode } from "react";
import { safeLink } from "../markdown/safe-link.ts";

/** What the answer rests on, and files that came with it. Nothing of it is loaded by itself. */
export function Sources({ parts }: { readonly parts: readonly MessagePart[] }): ReactNode {
  const sources = parts.flatMap(toSource);
  if (sources.length === 0) return null;
  return (
    <section className="sources" aria-label="Sources">
      <h3>Sources</h3>
      <ol>
        {sources.map(({ title, href }, index) => (
          <li key={index}>
            {href === undefined ? (
              title
            ) : (
              <a href={href} target="_blank" rel="noopener noreferrer nofollow">
                {title}
              </a>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

interface Source {
  readonly title: string;
  readonly href: string | undefined;
}

function toSource(part: MessagePart): readonly Source[] {
  if (part.type === "source-url" && "url" in part) return [{ title: part.title || part.url, href: safeLink(part.url) }];
  if (part.type === "source-document" && "title" in part) return [{ title: part.title, href: undefined }];
  if (part.type === "file" && "url" in part) return [{ title: `File (${part.mediaType})`, href: safeLink(part.url) }];
  return [];
}
