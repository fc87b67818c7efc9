/** A file that somebody sent along with a question. */
export interface AskFile {
  /** `data:…;base64,…`, or, for images alone, an `https:` address that the model's provider fetches. */
  readonly url: string;
  /** `type/subtype`, in small letters. */
  readonly mediaType: string;
  readonly filename?: string;
}

/** A part of a message as it came, of which nothing is known but that it is a file's. */
export interface FilePart {
  readonly url?: unknown;
  readonly mediaType?: unknown;
  readonly filename?: unknown;
}

/** Which field of the part is wrong, and what is allowed there. */
export interface WrongPart {
  readonly field: keyof FilePart;
  readonly message: string;
}

const MAX_ADDRESS_LENGTH = 2_048;
const MAX_NAME_LENGTH = 255;
const MEDIA_TYPE = /^[a-z\d][\w!#$&^.+-]{0,62}\/[a-z\d][\w!#$&^.+-]{0,62}$/;
const DATA_URL_HEAD = /^data:([^;,]{0,127})(?:;[^;,]{0,127}){0,8};base64,/i;
const HEAD_LENGTH = 2_048;
const BASE64 = /^[A-Za-z\d+/]*={0,2}$/;
// Nor what turns the direction of what is written after it.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u;

/** Nothing is fetched, here or elsewhere in this server: what an address holds is the provider's affair. */
export function checkFile({ url, mediaType, filename }: FilePart): AskFile | WrongPart {
  const type = typeof mediaType === "string" ? essence(mediaType) : "";
  if (!MEDIA_TYPE.test(type)) {
    return { field: "mediaType", message: "must be a media type, such as image/png" };
  }
  if (filename !== undefined && !isName(filename)) {
    return { field: "filename", message: `must be a name of 1 to ${MAX_NAME_LENGTH} printable characters` };
  }
  const wrong = typeof url === "string" ? wrongUrl(url, type) : { field: "url" as const, message: URL_WANTED };
  if (wrong !== undefined) return wrong;
  return { url: String(url), mediaType: type, ...(filename === undefined ? {} : { filename }) };
}

const URL_WANTED = "must be a data: URL in base64, or an https: address of an image";

function wrongUrl(url: string, type: string): WrongPart | undefined {
  if (/^data:/i.test(url)) return wrongDataUrl(url, type);
  if (!isAddress(url)) return { field: "url", message: URL_WANTED };
  if (url.length > MAX_ADDRESS_LENGTH) {
    return { field: "url", message: `may have ${MAX_ADDRESS_LENGTH} characters where it is an address` };
  }
  if (!type.startsWith("image/")) {
    return { field: "url", message: "may be an address only where mediaType is an image's; give a data: URL" };
  }
  return undefined;
}

function wrongDataUrl(url: string, type: string): WrongPart | undefined {
  const head = DATA_URL_HEAD.exec(url.slice(0, HEAD_LENGTH));
  const data = url.slice(head?.[0].length ?? 0);
  if (head === null || data.length % 4 !== 0 || !BASE64.test(data)) {
    return { field: "url", message: "is no data: URL in base64" };
  }
  const named = essence(head[1] ?? "");
  if (named !== "" && named !== type) {
    return { field: "mediaType", message: `is not the type that the data: URL names (${named})` };
  }
  return undefined;
}

function isAddress(url: string): boolean {
  const { protocol, username, password } = URL.canParse(url)
    ? new URL(url)
    : { protocol: "", username: "", password: "" };
  return protocol === "https:" && username === "" && password === "";
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_NAME_LENGTH && !UNPRINTABLE.test(value);
}

function essence(mediaType: string): string {
  return (mediaType.split(";")[0] ?? "").trim().toLowerCase();
}
