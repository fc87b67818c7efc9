/** Randomness as an argument: fills the array, as `crypto.getRandomValues` does. */
export type Random = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array;

export const systemRandom: Random = (bytes) => crypto.getRandomValues(bytes);

/** `<prefix>_` and 128 random bits in hex. It carries nothing and cannot be guessed (promise 7). */
export function randomId(prefix: string, random: Random = systemRandom): string {
  const hex: string[] = [];
  for (const byte of random(new Uint8Array(16))) hex.push(HEX.charAt(byte >> 4), HEX.charAt(byte & 15));
  return `${prefix}_${hex.join("")}`;
}

const HEX = "0123456789abcdef";
