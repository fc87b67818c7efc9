import { SluiceError } from "../base/errors.ts";

/**
 * TOON, in which rows of equal objects name their keys once. The package is an optional peer and loaded here.
 * @throws SluiceError `option/invalid` when it is not installed
 */
export async function encodeToon(value: unknown): Promise<string> {
  const { encode } = await load();
  return encode(value);
}

async function load(): Promise<typeof import("@toon-format/toon")> {
  try {
    return await import("@toon-format/toon");
  } catch (cause) {
    throw new SluiceError("option/invalid", "Install @toon-format/toon, or give `encode` to rag().", {
      cause,
      details: { field: "encode" },
    });
  }
}
