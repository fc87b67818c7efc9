import { createHash } from "node:crypto";
import { formatPosition, type Position } from "../base/offset.ts";
import { formatUuid } from "../base/uuid.ts";
import type { Frame } from "../dialects/index.ts";
import { encodeEvent } from "../sse/index.ts";
import { brotli } from "./compress/chunk.ts";
import type { DataEncoding, Form } from "./form.ts";

/** Makes bytes of the frames of one run, in one form. */
export interface Framing {
  /** Readers of a run with the same key are sent the same bytes. */
  readonly key: string;
  /** @param position the reader's, once it has the frame */
  put(frame: Frame, position: Position): string;
}

/** @param qualified ids are `<runId>~<id>`, for a bare EventSource */
export function createFraming(form: Form, runId: string, qualified: boolean): Framing {
  if (form.bare) return { key: `${form.dialect.name} bare`, put: ({ data }) => data };
  const prefix = qualified ? `${runId}~` : "";
  const mark = form.ids === "uuid" ? markOf(runId) : undefined;
  const idOf = (position: Position): string =>
    prefix + (mark === undefined ? formatPosition(position) : formatUuid({ position, mark }));
  const encode = ENCODE[form.encoding];
  return {
    key: `${form.query} ${prefix}`,
    put({ event, data }, position) {
      const id = idOf(position);
      return encodeEvent(event === undefined ? { id, data: encode(data) } : { event, id, data: encode(data) });
    },
  };
}

/** What a UUID tells of its run: nothing but which it is. */
export function markOf(runId: string): string {
  return createHash("sha256").update(runId).digest("hex").slice(0, 15);
}

const ENCODE: Readonly<Record<DataEncoding, (data: string) => string>> = {
  json: (data) => data,
  base64: (data) => Buffer.from(data).toString("base64"),
  "br+base64": (data) => Buffer.from(brotli(Buffer.from(data))).toString("base64"),
};
