import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import type { RunEvent } from "../chat/index.ts";
import { decode, failed, toItem, type Decoder } from "./decoder.ts";
import { createEnvelopeDecoder } from "./envelope-frames.ts";
import { createGraphChannelsDecoder } from "./graph-channels-frames.ts";
import { createGraphDecoder } from "./graph-frames.ts";
import { createSimpleDecoder } from "./simple-frames.ts";
import { createTextDecoder } from "./text-frames.ts";
import type { Frame } from "./types.ts";
import { createUIMessageDecoder } from "./ui-message-stream.ts";
import { createUpdateDecoder } from "./update-frames.ts";

export interface FromFramesOptions {
  /** The name of the dialect that they are worded in. */
  readonly dialect: string;
  /** Makes JSON of the data, where `?encoding=` made something else of it. Default: it is JSON. */
  readonly decodeData?: (data: string) => string;
}

/**
 * The events of a run out of the frames of a built-in dialect: what `parseEvents` or `openEventStream` reads. Folded they
 * are the message of the run, as far as the dialect tells of it (PROTOCOL.md section 6).
 * @throws SluiceError `dialect/unknown`; `run/source-truncated` for frames that end without a terminal; `llm/failed` for
 * data that is no JSON
 */
export function fromFrames(frames: AsyncIterable<Frame>, options: FromFramesOptions): AsyncGenerator<RunEvent> {
  const { dialect, decodeData = asItIs } = options;
  const create = DECODERS.get(dialect);
  if (!create) {
    throw new SluiceError(
      "dialect/unknown",
      `There is no such dialect; there are ${[...DECODERS.keys()].join(", ")}.`,
      {
        details: { field: "dialect", allowed: [...DECODERS.keys()] },
      },
    );
  }
  return decode(itemsOf(frames, dialect, decodeData), create());
}

const DECODERS: ReadonlyMap<string, () => Decoder> = new Map<string, () => Decoder>([
  ["simple", createTellingDecoder],
  ["graph", createGraphDecoder],
  ["graph-channels", createGraphChannelsDecoder],
  ["ai-sdk", createUIMessageDecoder],
  ["envelope", createEnvelopeDecoder],
  ["update", createUpdateDecoder],
  ["text", createTextDecoder],
]);

async function* itemsOf(
  frames: AsyncIterable<Frame>,
  dialect: string,
  decodeData: (data: string) => string,
): AsyncGenerator<unknown> {
  for await (const { event = "message", data } of frames) {
    if (dialect === "ai-sdk") yield toItem(data);
    else if (dialect === "text" && event === "message") yield { event, data };
    else yield { event, data: toItem(decodeData(data)) };
  }
}

/** As a source of a run `simple` throws what the other server failed of; here it is told. */
function createTellingDecoder(): Decoder {
  const { add, end } = createSimpleDecoder();
  return {
    end,
    add(item) {
      const failure = isObject(item) && item["event"] === "error" && isObject(item["data"]) ? item["data"] : undefined;
      return failure ? [failed(failure)] : add(item);
    },
  };
}

function asItIs(data: string): string {
  return data;
}
