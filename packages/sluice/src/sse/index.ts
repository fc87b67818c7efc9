export { encodeComment, encodeEvent } from "./encode.ts";
export { SSE_CONTENT_TYPE, sseHeaders } from "./headers.ts";
export type { SSEHeadersOptions } from "./headers.ts";
export type { SSEMessage } from "./message.ts";
export { parseEvents } from "./parse.ts";
export type { ParsedEvent, ParseOptions } from "./parse.ts";
export { sseResponse } from "./response.ts";
export { createSSEStream } from "./stream.ts";
export type { SSEStream, SSEStreamOptions } from "./stream.ts";
