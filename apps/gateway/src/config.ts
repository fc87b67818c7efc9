import { z } from "zod";
import { SluiceError } from "sluice/errors";

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Key to owner. Empty: no keys are set. */
  readonly keys: ReadonlyMap<string, string>;
  /** Signs cookies and owner tokens. Absent: one is made and kept in the store. */
  readonly secret: string | undefined;
  /** Serve callers without a key also from elsewhere than this machine. */
  readonly allowAnonymous: boolean;
  readonly corsOrigins: readonly string[];
  readonly drainMs: number;
  readonly openai: OpenAIConfig | undefined;
  readonly logLevel: string;
}

export interface OpenAIConfig {
  readonly apiKey: string;
  readonly baseURL: string | undefined;
  /** The first is the default; only these may be asked for. */
  readonly models: readonly [string, ...string[]];
}

const flag = z.enum(["0", "1", "true", "false"]).transform((value) => value === "1" || value === "true");
const list = z.string().transform((text) => text.split(",").flatMap((item) => item.trim() || []));

// An empty variable is one that is not set: that is how .env files and unit files write it.
const environment = z.object({
  HOST: z.string().default("127.0.0.1"),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  SLUICE_API_KEYS: list.default([]),
  SLUICE_SECRET: z.string().min(16).optional(),
  SLUICE_ALLOW_ANONYMOUS: flag.default(false),
  SLUICE_CORS_ORIGINS: list.pipe(z.array(z.url())).default([]),
  SLUICE_DRAIN_MS: z.coerce.number().int().min(0).max(3_600_000).default(25_000),
  SLUICE_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: z.url().optional(),
  SLUICE_MODEL: z.string().optional(),
  SLUICE_MODELS: list.default([]),
});

/** @throws SluiceError `option/invalid` naming the variable, never its value */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw wrong(String(issue?.path[0] ?? "environment"), issue?.message ?? "invalid");
  }
  const values = parsed.data;
  return {
    host: values.HOST,
    port: values.PORT,
    keys: parseKeys(values.SLUICE_API_KEYS),
    secret: values.SLUICE_SECRET,
    allowAnonymous: values.SLUICE_ALLOW_ANONYMOUS,
    corsOrigins: values.SLUICE_CORS_ORIGINS.map((origin) => new URL(origin).origin),
    drainMs: values.SLUICE_DRAIN_MS,
    openai: openaiConfig(values),
    logLevel: values.SLUICE_LOG_LEVEL,
  };
}

function parseKeys(pairs: readonly string[]): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  for (const pair of pairs) {
    const separator = pair.indexOf(":");
    const owner = pair.slice(0, Math.max(separator, 0));
    const key = pair.slice(separator + 1);
    if (!/^[\w.@-]{1,64}$/.test(owner)) throw wrong("SLUICE_API_KEYS", "needs the form alice:key1,bob:key2");
    if (key.length < 8) throw wrong("SLUICE_API_KEYS", `the key of ${owner} is shorter than 8 characters`);
    if (keys.has(key)) throw wrong("SLUICE_API_KEYS", `${owner} has the same key as ${keys.get(key)}`);
    keys.set(key, owner);
  }
  return keys;
}

const DEFAULT_MODEL = "gpt-4o-mini";

function openaiConfig(values: z.infer<typeof environment>): OpenAIConfig | undefined {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, SLUICE_MODEL, SLUICE_MODELS } = values;
  if (OPENAI_API_KEY === undefined && OPENAI_BASE_URL === undefined) return undefined;
  const first = SLUICE_MODEL ?? SLUICE_MODELS[0] ?? DEFAULT_MODEL;
  return {
    // Servers of one's own (vLLM, Ollama, llama.cpp) want none, the SDK wants one all the same.
    apiKey: OPENAI_API_KEY ?? "none",
    baseURL: OPENAI_BASE_URL,
    models: [first, ...SLUICE_MODELS.filter((model) => model !== first)],
  };
}

function wrong(variable: string, message: string): SluiceError {
  return new SluiceError("option/invalid", `${variable}: ${message}.`, { details: { field: variable } });
}
