export type Encoding = "gzip" | "br";

/**
 * What an `Accept-Encoding` asks for (RFC 9110, section 12.5.3). Never throws: what cannot be read counts as not said.
 *
 * - The coding with the highest weight wins, on ties the first of `offered`.
 * - No coding without a header: RFC 9110 allows any, but who says nothing is mostly a script that decodes nothing.
 * - Identity wins only where it is named with a higher weight than every coding, or no coding is allowed.
 * - Whoever refuses identity and all that is offered gets identity: an answer that a model has started is not a 406.
 *
 * @param offered in the server's order. gzip first: flushed per event it is smaller than brotli, in a third of the memory.
 */
export function negotiate(acceptEncoding: string | null, offered: readonly Encoding[]): Encoding | "identity" {
  const weights = weightsOf(acceptEncoding ?? "");
  const others = weights.get("*") ?? 0;
  let best: Encoding | "identity" = "identity";
  let highest = 0;
  for (const encoding of offered) {
    const weight = weights.get(encoding) ?? others;
    if (weight <= highest) continue;
    best = encoding;
    highest = weight;
  }
  return (weights.get("identity") ?? 0) > highest ? "identity" : best;
}

/** A coding that is named twice has its lowest weight: a refusal is never overruled. */
function weightsOf(header: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const member of header.toLowerCase().split(",")) {
    const [name = "", parameter, ...more] = member.split(";").map((part) => part.trim());
    const weight = parameter === undefined ? 1 : weightOf(parameter);
    if (name === "" || weight === undefined || more.length > 0) continue;
    const coding = name === "x-gzip" ? "gzip" : name;
    weights.set(coding, Math.min(weight, weights.get(coding) ?? 1));
  }
  return weights;
}

const WEIGHT = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

function weightOf(parameter: string): number | undefined {
  const [, digits] = WEIGHT.exec(parameter) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
