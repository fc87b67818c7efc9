import type { ModelFile, ModelMessage } from "./types.ts";

/** A piece of a message in OpenAI's wire form. */
export type ContentPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image_url"; readonly image_url: { readonly url: string } }
  | { readonly type: "input_audio"; readonly input_audio: { readonly data: string; readonly format: "wav" | "mp3" } }
  | { readonly type: "file"; readonly file: { readonly filename: string; readonly file_data: string } };

/**
 * What a message says, as providers take it: its text, or its text and files. Images go as images, sound as sound; what
 * is text is written out with its name, because any model reads that; the rest goes as a file, and not every model
 * takes it.
 */
export function contentOf({ content, files = [] }: ModelMessage): string | ContentPart[] {
  if (files.length === 0) return content;
  const text: readonly ContentPart[] = content === "" ? [] : [{ type: "text", text: content }];
  return [...text, ...files.map(partOf)];
}

/** Bytes of a `data:` URL's content; undefined for an address. */
export function sizeOf({ url }: ModelFile): number | undefined {
  if (!isData(url)) return undefined;
  const start = url.indexOf(",") + 1;
  const padding = url.endsWith("==") ? 2 : url.endsWith("=") ? 1 : 0;
  return ((url.length - start) / 4) * 3 - padding;
}

const IMAGES: readonly string[] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const SOUNDS: Readonly<Record<string, "wav" | "mp3">> = {
  "audio/wav": "wav",
  "audio/wave": "wav",
  "audio/x-wav": "wav",
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3",
};
const TEXT =
  /^text\/|^application\/(?:json|xml|yaml|x-yaml|toml|javascript|sql|x-sh|x-ndjson|jsonl)$|\+(?:json|xml|yaml)$/;

function partOf(file: ModelFile): ContentPart {
  const { url, mediaType, filename } = file;
  if (IMAGES.includes(mediaType) || !isData(url)) return { type: "image_url", image_url: { url } };
  const data = url.slice(url.indexOf(",") + 1);
  const format = Object.hasOwn(SOUNDS, mediaType) ? SOUNDS[mediaType] : undefined;
  if (format !== undefined) return { type: "input_audio", input_audio: { data, format } };
  const name = filename ?? `file.${mediaType.slice(mediaType.indexOf("/") + 1)}`;
  if (TEXT.test(mediaType)) return { type: "text", text: `${JSON.stringify(name)} (${mediaType}):\n\n${decode(data)}` };
  return { type: "file", file: { filename: name, file_data: url } };
}

function isData(url: string): boolean {
  return /^data:/i.test(url);
}

function decode(base64: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}
