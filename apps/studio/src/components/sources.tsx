import type { MessagePart } from "sluice/chat";
import { memo, type ReactNode } from "react";
import { parseUrl, safeLink } from "../markdown/safe-link.ts";
import { Icon } from "./icon.tsx";

type SourcePart = Extract<MessagePart, { readonly type: "source-url" | "source-document" }>;

/** What the answer rests on. Nothing of it is loaded by itself, no icon of a site either. */
export function Sources({ parts }: { readonly parts: readonly MessagePart[] }): ReactNode {
  const sources = parts.filter((part) => part.type === "source-url" || part.type === "source-document");
  if (sources.length === 0) return null;
  return (
    <section className="sources" aria-label="Sources">
      <p className="aside-title">Sources</p>
      <ol>
        {sources.map((source, index) => (
          <Source key={index} source={source} />
        ))}
      </ol>
    </section>
  );
}

const Source = memo(function Source({ source }: { readonly source: SourcePart }): ReactNode {
  if (source.type === "source-document") {
    const { title, filename, mediaType } = source;
    return (
      <li>
        <span className="source">
          <Icon name="file" />
          <span className="source-title" dir="auto">
            {title}
          </span>
          <span className="source-place">{filename ?? mediaType}</span>
        </span>
      </li>
    );
  }
  const href = safeLink(source.url);
  const place = parseUrl(href)?.host.replace(/^www\./, "");
  const content = (
    <>
      <Icon name="globe" />
      <span className="source-title" dir="auto">
        {source.title || source.url}
      </span>
      {place && <span className="source-place">{place}</span>}
    </>
  );
  return (
    <li>
      {href === undefined ? (
        <span className="source">{content}</span>
      ) : (
        <a className="source" href={href} target="_blank" rel="noopener noreferrer nofollow">
          {content}
        </a>
      )}
    </li>
  );
});
