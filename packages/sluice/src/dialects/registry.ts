import { SluiceError } from "../base/errors.ts";
import { aiSdkDialect } from "./ai-sdk.ts";
import { envelopeDialect } from "./envelope.ts";
import { graphDialect } from "./graph.ts";
import { graphChannelsDialect } from "./graph-channels.ts";
import { simpleDialect } from "./simple.ts";
import { textDialect } from "./text.ts";
import type { Dialect } from "./types.ts";
import { updateDialect } from "./update.ts";

/** The dialects a server speaks, by name. */
export interface Dialects {
  /** @throws SluiceError `dialect/unknown`, with the names there are */
  get(name: string): Dialect;
  readonly names: readonly string[];
}

export const builtInDialects: readonly Dialect[] = [
  simpleDialect,
  graphDialect,
  graphChannelsDialect,
  aiSdkDialect,
  envelopeDialect,
  updateDialect,
  textDialect,
];

/** Of two dialects with one name the later one counts, so that a built-in one can be replaced. */
export function createDialects(dialects: readonly Dialect[] = builtInDialects): Dialects {
  const byName = new Map(dialects.map((dialect) => [dialect.name, dialect]));
  const names = [...byName.keys()];
  return {
    names,
    get(name) {
      const dialect = byName.get(name);
      if (dialect !== undefined) return dialect;
      throw new SluiceError("dialect/unknown", `There is no such dialect; there are ${names.join(", ")}.`, {
        details: { field: "dialect", allowed: names },
      });
    },
  };
}
