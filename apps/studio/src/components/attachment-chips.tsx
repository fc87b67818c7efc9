import type { ReactNode } from "react";
import { sizeText, type Attachment } from "../state/attachments.ts";
import { Icon } from "./icon.tsx";

interface AttachmentChipsProps {
  readonly attachments: readonly Attachment[];
  readonly onRemove: (key: string) => void;
}

/** The files that go with the next message. */
export function AttachmentChips({ attachments, onRemove }: AttachmentChipsProps): ReactNode {
  if (attachments.length === 0) return null;
  return (
    <ul className="chips" aria-label="Attached files">
      {attachments.map(({ key, filename, mediaType, size, url }) => (
        <li className="chip" key={key}>
          {mediaType.startsWith("image/") ? (
            <img src={url} alt="" width="40" height="40" />
          ) : (
            <span className="chip-kind">
              <Icon name="file" />
            </span>
          )}
          <span className="chip-name">
            <span dir="auto">{filename}</span>
            <small>{sizeText(size)}</small>
          </span>
          <button type="button" className="icon-button" aria-label={`Remove ${filename}`} onClick={() => onRemove(key)}>
            <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}
