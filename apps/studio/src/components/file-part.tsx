import type { MessagePart } from "sluice/chat";
import { memo, type ReactNode } from "react";
import { parseUrl, safeImage, safeLink } from "../markdown/safe-link.ts";
import { Icon } from "./icon.tsx";

type File = Extract<MessagePart, { readonly type: "file" }> & { readonly filename?: string };

/** An image that travelled along is shown; any other file is offered, and loaded when the person wants it. */
export const FilePart = memo(function FilePart({ file }: { readonly file: File }): ReactNode {
  const { url, mediaType } = file;
  const name = file.filename ?? nameOf(url);
  const image = mediaType.startsWith("image/") ? safeImage(url) : undefined;
  if (image !== undefined) {
    return (
      <a className="file-image" href={image} download={name ?? "image"} title="Download">
        <img src={image} alt={name ?? `Image (${mediaType})`} decoding="async" />
      </a>
    );
  }
  const isData = url.startsWith("data:");
  const href = isData ? url : safeLink(url);
  const about = [mediaType, isData ? sizeWords(sizeOf(url)) : parseUrl(href)?.host].filter(
    (word) => word !== undefined,
  );
  const content = (
    <>
      <Icon name={isData ? "download" : "file"} />
      <span className="file-name" dir="auto">
        {name ?? "File"}
      </span>
      <span className="file-about">{about.join(" · ")}</span>
    </>
  );
  if (href === undefined) return <span className="file">{content}</span>;
  // A browser opens no data: URL as a page, it only saves it: so it cannot act as this site.
  const way = isData ? { download: name ?? "file" } : { target: "_blank", rel: "noopener noreferrer nofollow" };
  return (
    <a className="file" href={href} {...way}>
      {content}
    </a>
  );
});

function nameOf(url: string): string | undefined {
  const path = url.startsWith("data:") ? undefined : parseUrl(url)?.pathname;
  const last = path?.split("/").at(-1);
  return last === undefined || last === "" ? undefined : decoded(last);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** In bytes. */
function sizeOf(url: string): number {
  const comma = url.indexOf(",");
  const length = url.length - comma - 1;
  if (!url.slice(0, comma).endsWith(";base64")) return length;
  const padding = url.endsWith("==") ? 2 : url.endsWith("=") ? 1 : 0;
  return Math.max((length * 3) / 4 - padding, 0);
}

function sizeWords(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const kib = bytes / 1_024;
  return kib < 1_024 ? `${kib.toFixed(kib < 10 ? 1 : 0)} KB` : `${(kib / 1_024).toFixed(1)} MB`;
}
