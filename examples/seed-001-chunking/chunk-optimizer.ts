import { optimalChunkSize } from "sluice/http";

/** A text that is there already, in chunks of the size that suits it (line 95 of the document), never half a character. */
export function* inOptimalChunks(text: string): Generator<string> {
  const size = optimalChunkSize(Buffer.byteLength(text));
  let chunk = "";
  let bytes = 0;
  for (const character of text) {
    const more = Buffer.byteLength(character);
    if (bytes + more > size) {
      yield chunk;
      chunk = "";
      bytes = 0;
    }
    chunk += character;
    bytes += more;
  }
  if (chunk !== "") yield chunk;
}
