/** What Prometheus reads out of a page in its text format, strictly. */
export interface Exposition {
  readonly families: ReadonlyMap<string, Family>;
  /** The value of a sample; undefined when there is none with exactly these labels. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** @throws Error for a line that is none, a sample without a family, and a family or sample that comes twice */
export function parseExposition(text: string): Exposition {
  if (!text.endsWith("\n")) throw new Error("The last line does not end.");
  const families = new Map<string, Family & { readonly samples: Sample[] }>();
  const helps = new Map<string, string>();
  const seen = new Set<string>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, word, about = "", rest = ""] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line) ?? [];
    if (word === "HELP") {
      helps.set(about, rest);
    } else if (word === "TYPE") {
      if (families.has(about)) throw new Error(`Twice: ${line}`);
      families.set(about, { type: rest, help: helps.get(about) ?? "", samples: [] });
    } else {
      const sample = parseSample(line);
      const identity = identityOf(sample);
      if (seen.has(identity)) throw new Error(`Twice: ${line}`);
      seen.add(identity);
      const family = families.get(sample.name) ?? families.get(sample.name.replace(/_(?:bucket|sum|count)$/, ""));
      if (!family) throw new Error(`Of no family: ${line}`);
      family.samples.push(sample);
    }
  }
  return {
    families,
    value(name, labels = {}) {
      const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ""));
      const wanted = identityOf({ name, labels });
      return family?.samples.find((sample) => identityOf(sample) === wanted)?.value;
    },
  };
}

function identityOf({ name, labels }: Omit<Sample, "value">): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  return [name, ...pairs.sort()].join("\n");
}

function parseSample(line: string): Sample {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (-?[\d.]+(?:e[+-]?\d+)?|[Nn]a[Nn]|[+-]Inf)$/.exec(line);
  if (!match) throw new Error(`Not a sample: ${line}`);
  const [, name = "", inside = "", value = ""] = match;
  const labels: Record<string, string> = {};
  const left = inside.replace(/([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)",?/g, (_label, key: string, text: string) => {
    labels[key] = text;
    return "";
  });
  if (left !== "") throw new Error(`Not labels: ${line}`);
  // prom-client writes Nan, which Prometheus takes.
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}
