import type { ChatFile, ChatMessage } from "sluice/client";

/** What the composer takes. */
export interface AttachmentLimits {
  /** Of one message. */
  readonly files: number;
  /**
   * Of a whole chat, as data: URLs, which take four characters for three bytes: what was said before is sent along with
   * each question, and many a proxy takes a body of 1 MiB.
   */
  readonly characters: number;
}

const ATTACHMENT_LIMITS: AttachmentLimits = { files: 6, characters: 700_000 };

export interface Attachment extends ChatFile {
  readonly filename: string;
  /** Bytes. */
  readonly size: number;
  /** For React, and for taking it off again. */
  readonly key: string;
}

export interface AttachmentResult {
  readonly attachments: readonly Attachment[];
  /** One sentence for each file that was not taken. */
  readonly refused: readonly string[];
}

export interface AttachOptions {
  readonly limits?: AttachmentLimits;
  /** Characters that files of the chat have taken before. */
  readonly taken?: number;
  readonly toDataUrl: (file: File) => Promise<string>;
  /** A smaller picture, or undefined where it cannot be made smaller. */
  readonly shrink?: (file: File, maxCharacters: number) => Promise<File | undefined>;
}

/** Adds files to those that are there, one after the other, as far as there is room. */
export async function attach(
  there: readonly Attachment[],
  files: readonly File[],
  options: AttachOptions,
): Promise<AttachmentResult> {
  const { limits = ATTACHMENT_LIMITS } = options;
  const attachments = [...there];
  const refused: string[] = [];
  for (const file of files) {
    const added = await tryOne(attachments, file, limits, options);
    if (typeof added === "string") refused.push(added);
    else if (added) attachments.push(added);
  }
  return { attachments, refused };
}

/** What `taken` is for a chat. */
export function charactersOfFiles(messages: readonly ChatMessage[]): number {
  const urls = messages.flatMap(({ parts }) => parts.flatMap((part) => (part.type === "file" ? [part.url] : [])));
  return urls.reduce((sum, url) => sum + url.length, 0);
}

export function toChatFile({ url, mediaType, filename }: Attachment): ChatFile {
  return { url, mediaType, filename };
}

/** `1.4 MB` */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1_000)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

async function tryOne(
  there: readonly Attachment[],
  file: File,
  limits: AttachmentLimits,
  { toDataUrl, shrink, taken = 0 }: AttachOptions,
): Promise<Attachment | string | undefined> {
  const name = printable(file.name);
  if (there.length >= limits.files) return `“${name}” was left out: at most ${limits.files} files go with a message.`;
  if (file.size === 0) return `“${name}” is empty.`;
  const room = limits.characters - taken - there.reduce((sum, { url }) => sum + url.length, 0);
  const fitting =
    urlLength(file) <= room ? file : file.type.startsWith("image/") ? await shrink?.(file, room) : undefined;
  if (!fitting || urlLength(fitting) > room) {
    const most = sizeText(Math.floor((limits.characters * 3) / 4));
    return `“${name}” (${sizeText(file.size)}) is too large: the files of a chat may have ${most} together.`;
  }
  try {
    const url = await toDataUrl(fitting);
    const key = `${name}:${file.size}:${file.lastModified}`;
    if (there.some((other) => other.key === key)) return undefined;
    const mediaType = fitting.type === "" ? "application/octet-stream" : fitting.type;
    return { key, filename: name, size: fitting.size, mediaType, url };
  } catch {
    return `“${name}” could not be read.`;
  }
}

// As the server wants names: without what does not print, or turns the direction of what follows.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/gu;
const MAX_NAME_LENGTH = 255;

function printable(name: string): string {
  const whole = name.replaceAll(UNPRINTABLE, "");
  return whole === "" ? "file" : whole.slice(-MAX_NAME_LENGTH);
}

const URL_OVERHEAD = 100;

function urlLength({ size }: File): number {
  return Math.ceil((size * 4) / 3) + URL_OVERHEAD;
}
