import { once } from "node:events";
import { constants, createBrotliDecompress, createGunzip } from "node:zlib";

/** Frames as a server sends them, ASCII and other. */
export function frames(count: number): readonly Uint8Array[] {
  const words = [" the", " stream", ",", " naïve", "日本", "🙂", " of", "\n", " →", " token", " and"];
  return Array.from({ length: count }, (_, index) => {
    const content = words[(index * index + (index >> 3)) % words.length];
    return Buffer.from(`event: chunk\nid: ${index}\ndata: ${JSON.stringify({ content })}\n\n`);
  });
}

/** Bytes that do not compress: xorshift from a seed. */
export function noise(length: number): Uint8Array {
  let state = 42;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 255;
  });
}

export interface StreamDecoder {
  /** What comes out of the decoder for this piece, without any piece after it. */
  push(bytes: Uint8Array): Promise<Uint8Array>;
  /** Fails unless the stream was complete. */
  end(): Promise<void>;
}

/** Node's streams: a browser's decoder works the same way. */
export function createStreamDecoder(encoding: "gzip" | "br"): StreamDecoder {
  const decoder =
    encoding === "gzip"
      ? createGunzip({ flush: constants.Z_SYNC_FLUSH })
      : createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH });
  let out: Uint8Array[] = [];
  decoder.on("data", (chunk: Uint8Array) => out.push(chunk));
  return {
    async push(bytes) {
      await new Promise<void>((resolve, reject) => {
        decoder.write(bytes, (error) => (error ? reject(error) : resolve()));
      });
      const whole = Buffer.concat(out);
      out = [];
      return whole;
    },
    async end() {
      decoder.end();
      await once(decoder, "end");
    },
  };
}
