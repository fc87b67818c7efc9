import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { negotiate, type Encoding } from "../../../src/http/compress/negotiate.ts";

const both: readonly Encoding[] = ["gzip", "br"];

describe("negotiation of a content coding", () => {
  const cases: readonly (readonly [header: string | null, offered: readonly Encoding[], answer: string])[] = [
    // Nothing said, nothing offered.
    [null, both, "identity"],
    ["", both, "identity"],
    ["gzip", [], "identity"],
    // What browsers, curl, Go and Node's fetch send.
    ["gzip, deflate, br, zstd", both, "gzip"],
    ["gzip, deflate, br, zstd", ["br", "gzip"], "br"],
    ["deflate, gzip", both, "gzip"],
    ["gzip", both, "gzip"],
    ["br, gzip, deflate", both, "gzip"],
    ["identity", both, "identity"],
    ["deflate", both, "identity"],
    ["br", both, "br"],
    ["br", ["gzip"], "identity"],
    // Weights.
    ["gzip;q=0.5, br;q=0.8", both, "br"],
    ["gzip;q=0.5, br;q=0.501", both, "br"],
    ["gzip;q=1.000, br;q=1", ["br", "gzip"], "br"],
    ["gzip;q=0", both, "identity"],
    ["gzip;q=0.000, br", both, "br"],
    ["gzip;q=0.001", both, "gzip"],
    ["gzip;q=0., br;q=1.", both, "br"],
    // The star speaks of what is not named.
    ["*", both, "gzip"],
    ["*;q=0.1", both, "gzip"],
    ["*;q=0", both, "identity"],
    ["gzip;q=0, *", both, "br"],
    ["gzip;q=0.2, *;q=0.1", both, "gzip"],
    ["br;q=0.2, *;q=0", both, "br"],
    // Identity: wins where it is preferred, and is sent also where it is refused and nothing else is allowed.
    ["identity, gzip", both, "gzip"],
    ["identity;q=0.9, gzip;q=0.5", both, "identity"],
    ["identity;q=0.5, gzip;q=0.5", both, "gzip"],
    ["identity;q=0, gzip;q=0.1", both, "gzip"],
    ["identity;q=0", both, "identity"],
    ["identity;q=0, *;q=0", both, "identity"],
    ["identity;q=0, deflate", both, "identity"],
    // Spelling.
    ["GZip", both, "gzip"],
    ["x-gzip", both, "gzip"],
    ["  gzip \t; \t q=0.3 ,\tBR;Q=0.4 ", both, "br"],
    [",, ,gzip,,", both, "gzip"],
    // Named twice: the refusal holds.
    ["gzip, gzip;q=0", both, "identity"],
    ["x-gzip;q=0, gzip", both, "identity"],
    // What cannot be read counts as not said.
    ["gzip;q=2", both, "identity"],
    ["gzip;q=-1", both, "identity"],
    ["gzip;q=0.1234", both, "identity"],
    ["gzip;q=1.001", both, "identity"],
    ["gzip;q=", both, "identity"],
    ["gzip;q", both, "identity"],
    ["gzip;", both, "identity"],
    ["gzip;level=9", both, "identity"],
    ["gzip;q=1;q=1", both, "identity"],
    ["gzip;q=NaN, br", both, "br"],
    ["gzip br", both, "identity"],
    ['"gzip"', both, "identity"],
    [";q=1, br", both, "br"],
    ["__proto__, constructor, gzip;q=.5", both, "identity"],
  ];
  it.each(cases)("%j with %j on offer is %s", (header, offered, answer) => {
    expect(negotiate(header, offered)).toBe(answer);
  });

  it("answers something on offer or identity to any header", () => {
    const token = fc.constantFrom(
      "gzip",
      "br",
      "identity",
      "*",
      "x-gzip",
      "deflate",
      ";",
      ",",
      "q=",
      "0",
      "1",
      ".5",
      " ",
    );
    const header = fc.oneof(
      fc.string(),
      fc.array(token).map((tokens) => tokens.join("")),
    );
    fc.assert(
      fc.property(header, fc.subarray([...both]), (text, offered) => {
        expect([...offered, "identity"]).toContain(negotiate(text, offered));
      }),
    );
  });

  it("never sends a coding with weight 0", () => {
    const weight = fc.integer({ min: 0, max: 1_000 }).map((thousandths) => thousandths / 1_000);
    fc.assert(
      fc.property(weight, weight, weight, (gzip, br, identity) => {
        const answer = negotiate(`gzip;q=${gzip}, br;q=${br}, identity;q=${identity}`, both);
        const weights = { gzip, br, identity };
        if (answer !== "identity") expect(weights[answer]).toBe(Math.max(gzip, br, identity));
        else expect(identity > Math.max(gzip, br) || Math.max(gzip, br) === 0).toBe(true);
      }),
    );
  });

  it("reads a header of 64 KiB of blanks or separators in no time", () => {
    for (const part of [" ", "\t;", ",", ";", "q=0.", "gzip;q=0,"]) {
      const header = `gzip${part.repeat(65_536 / part.length)}x`;
      const { user } = process.cpuUsage();
      negotiate(header, both);
      expect(process.cpuUsage().user - user).toBeLessThan(200_000);
    }
  });
});
