/** Pieces of text and bytes as bytes, without empty ones. A character that two texts share is put together. */
export interface Utf8 {
  encode(piece: string | Uint8Array): Uint8Array[];
  /** The half of a character that still waits for the other, as U+FFFD. */
  end(): Uint8Array[];
}

export function createUtf8(): Utf8 {
  const encoder = new TextEncoder();
  let half = "";
  const bytesOf = (text: string): Uint8Array[] => (text === "" ? [] : [encoder.encode(text)]);
  const end = (): Uint8Array[] => {
    const rest = half;
    half = "";
    return bytesOf(rest);
  };
  return {
    encode(piece) {
      if (typeof piece !== "string") return piece.byteLength === 0 ? [] : [...end(), piece];
      const text = half + piece;
      half = HIGH_HALF.exec(text)?.[0] ?? "";
      return bytesOf(half === "" ? text : text.slice(0, -1));
    },
    end,
  };
}

const HIGH_HALF = /[\ud800-\udbff]$/;
