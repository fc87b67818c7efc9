import { z } from "zod";
import { SluiceError } from "sluice/errors";
import type { LimitsConfig } from "./limits.ts";
import { parseStore, type StoreConfig } from "./store.ts";
import { parseTls, type TlsFiles } from "./tls.ts";

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Set: HTTP/2 and HTTP/1.1 over TLS, and nothing in the clear. */
  readonly tls: TlsFiles | undefined;
  /** Key to owner. Empty: no keys are set. */
  readonly keys: ReadonlyMap<string, string>;
  /** Opens `/metrics` and `/inspector`. Absent: only this machine may look. */
  readonly operatorKey: string | undefined;
  /** Signs cookies and owner tokens. Absent: one is made and kept in the store. */
  readonly secret: string | undefined;
  /** Where no keys are set, serve callers from elsewhere than this machine too. */
  readonly allowAnonymous: boolean;
  readonly corsOrigins: readonly string[];
  readonly limits: LimitsConfig;
  readonly delivery: DeliveryConfig;
  readonly drainMs: number;
  readonly store: StoreConfig;
  /** A producer that has not renewed for this long is taken for dead, and its answer is ended. */
  readonly leaseMs: number;
  /** Of a question, its files included. */
  readonly maxBodyBytes: number;
  readonly openai: OpenAIConfig | undefined;
  readonly logLevel: string;
}

/** How answers are sent, as `createSluice` takes it. */
export interface DeliveryConfig {
  readonly compression: boolean;
  readonly stallMs: number;
  readonly flushMs: number;
}

export interface OpenAIConfig {
  readonly apiKey: string;
  readonly baseURL: string | undefined;
  /** The first is the default; only these may be asked for. */
  readonly models: readonly [string, ...string[]];
}

const flag = z.enum(["0", "1", "true", "false"]).transform((value) => value === "1" || value === "true");
const list = z.string().transform((text) => text.split(",").flatMap((item) => item.trim() || []));
const httpUrl = z.url({ protocol: /^https?$/, error: "must be a URL with http or https" });

// A browser names its page's origin, so anything beyond it, or a pattern, would never match.
const origin = httpUrl.refine((text) => /^\w+:\/\/[^/?#@*]+\/?$/.test(text), {
  error: "takes origins like https://app.example.com, separated by commas",
  abort: true,
});

function wholeNumber(most: number, least = 0): z.ZodType<number, string> {
  const error = `must be a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, { error, abort: true })
    .transform(Number)
    .pipe(z.number().min(least, { error }).max(most, { error }));
}

// 0 is no limit.
const limit = (usual: number): z.ZodType<number, string | undefined> => wholeNumber(1_000_000).default(usual);

// Defaults are those of .env.example.
const environment = z.object({
  HOST: z.string().default("127.0.0.1"),
  PORT: wholeNumber(65_535).default(3000),
  SLUICE_TLS_CERT: z.string().optional(),
  SLUICE_TLS_KEY: z.string().optional(),
  // Set to nothing but commas, it would let everybody in whom its operator believes to be kept out.
  SLUICE_API_KEYS: list.pipe(z.array(z.string()).min(1, { error: "holds no pair like alice:key1" })).default([]),
  SLUICE_OPERATOR_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{1,1024}$/, { error: "takes signs of ASCII without spaces, as a header can carry them" })
    .optional(),
  SLUICE_SECRET: z.string().min(16, { error: "needs 16 characters or more" }).optional(),
  SLUICE_ALLOW_ANONYMOUS: flag.default(false),
  SLUICE_CORS_ORIGINS: list.pipe(z.array(origin)).default([]),
  SLUICE_STORE: z
    .string()
    .default("disk:./data")
    .transform((text, context) => {
      try {
        return parseStore(text);
      } catch (error) {
        context.addIssue({ code: "custom", message: error instanceof Error ? error.message : "invalid" });
        return z.NEVER;
      }
    }),
  SLUICE_LEASE_MS: wholeNumber(60_000, 500).default(7_000),
  SLUICE_MAX_CONNECTIONS: limit(20_000),
  SLUICE_MAX_RUNS: limit(10_000),
  SLUICE_MAX_READERS: limit(20_000),
  SLUICE_MAX_READERS_PER_RUN: limit(2_000),
  SLUICE_MAX_BODY_BYTES: wholeNumber(268_435_456, 1_024).default(8_388_608),
  SLUICE_OWNER_STREAMS: limit(1_000),
  SLUICE_OWNER_STARTS_PER_MINUTE: limit(1_000),
  SLUICE_OWNER_TELLINGS_PER_MINUTE: limit(6_000),
  SLUICE_FAILED_LOGINS_PER_MINUTE: limit(20),
  SLUICE_COMPRESSION: z.enum(["on", "off"]).default("on"),
  SLUICE_STALL_MS: wholeNumber(3_600_000, 1_000).default(60_000),
  SLUICE_FLUSH_MS: wholeNumber(10_000).default(0),
  SLUICE_DRAIN_MS: wholeNumber(3_600_000).default(25_000),
  SLUICE_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: httpUrl.optional(),
  SLUICE_MODEL: z.string().optional(),
  SLUICE_MODELS: list.default([]),
});

/** @throws SluiceError `option/invalid` naming the variable, never its value */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  // An empty variable is one that is not set: that is how .env files and unit files write it.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw wrong(String(issue?.path[0] ?? "environment"), issue?.message ?? "invalid");
  }
  const values = parsed.data;
  const keys = parseKeys(values.SLUICE_API_KEYS);
  if (keys.has(values.SLUICE_OPERATOR_KEY ?? "")) throw wrong("SLUICE_OPERATOR_KEY", "is the key of an owner too");
  return {
    host: values.HOST,
    port: values.PORT,
    tls: parseTls(values.SLUICE_TLS_CERT, values.SLUICE_TLS_KEY),
    keys,
    operatorKey: values.SLUICE_OPERATOR_KEY,
    secret: values.SLUICE_SECRET,
    allowAnonymous: values.SLUICE_ALLOW_ANONYMOUS,
    corsOrigins: values.SLUICE_CORS_ORIGINS.map((text) => new URL(text).origin),
    limits: {
      maxConnections: values.SLUICE_MAX_CONNECTIONS,
      maxRuns: values.SLUICE_MAX_RUNS,
      maxReaders: values.SLUICE_MAX_READERS,
      maxReadersPerRun: values.SLUICE_MAX_READERS_PER_RUN,
      ownerStreams: values.SLUICE_OWNER_STREAMS,
      ownerStartsPerMinute: values.SLUICE_OWNER_STARTS_PER_MINUTE,
      ownerTellingsPerMinute: values.SLUICE_OWNER_TELLINGS_PER_MINUTE,
      failedLoginsPerMinute: values.SLUICE_FAILED_LOGINS_PER_MINUTE,
    },
    delivery: {
      compression: values.SLUICE_COMPRESSION === "on",
      stallMs: values.SLUICE_STALL_MS,
      flushMs: values.SLUICE_FLUSH_MS,
    },
    drainMs: values.SLUICE_DRAIN_MS,
    store: values.SLUICE_STORE,
    leaseMs: values.SLUICE_LEASE_MS,
    maxBodyBytes: values.SLUICE_MAX_BODY_BYTES,
    openai: openaiConfig(values),
    logLevel: values.SLUICE_LOG_LEVEL,
  };
}

// Pairs are told by their number: written the other way round, the name would be the key.
function parseKeys(pairs: readonly string[]): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  for (const [index, pair] of pairs.entries()) {
    // What a Bearer header can carry.
    const [, owner, key] = /^([\w.@-]{1,64}):([\x21-\x7e]{1,1024})$/.exec(pair) ?? [];
    if (owner === undefined || key === undefined) {
      throw wrong("SLUICE_API_KEYS", `pair ${index + 1} does not have the form alice:key1`);
    }
    if (keys.has(key)) throw wrong("SLUICE_API_KEYS", `pair ${index + 1} has the key of an earlier one`);
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
