/** Randomness as an argument: fills the array, as `crypto.getRandomValues` does. */
export type Random = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array;

export const systemRandom: Random = (bytes) => crypto.getRandomValues(bytes);

/** `<prefix>_` and 128 random bits in hex. It carries nothing and cannot be guessed (promise 7). */
export function randomId(prefix: string, random: Random = systemRandom): string {
  const hex = Array.from(random(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0"));
  return `${prefix}_${hex.join("")}`;
}
