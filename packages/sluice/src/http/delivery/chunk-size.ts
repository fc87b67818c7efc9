/**
 * Bytes to write at once to a reader that has this many still to get: small while little waits, so that it is seen
 * soon; large behind a long way, where each write costs the same. From 512 to 16,384; 4,096 when it is not known.
 */
export function optimalChunkSize(payloadBytes?: number): number {
  if (payloadBytes === undefined) return UNKNOWN;
  for (const [below, size] of SIZES) if (payloadBytes < below) return size;
  return LARGEST;
}

const SIZES = [
  [1_024, 512],
  [10_240, 2_048],
  [102_400, 4_096],
  [1_048_576, 8_192],
] as const;

const UNKNOWN = 4_096;
const LARGEST = 16_384;
