import type { Random } from "../base/id.ts";

/** Of one making of a topic: 64 random bits as 16 hex digits. */
export function newEpoch(random: Random): string {
  const bytes = random(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
