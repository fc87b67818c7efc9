import { isSluiceError } from "sluice/errors";
import { describe, expect, it } from "vitest";
import { parseConfig, type Config } from "../src/config.ts";

const DEFAULTS: Config = {
  host: "127.0.0.1",
  port: 3000,
  tls: undefined,
  keys: new Map(),
  operatorKey: undefined,
  secret: undefined,
  allowAnonymous: false,
  corsOrigins: [],
  limits: {
    maxConnections: 20_000,
    maxRuns: 10_000,
    maxReaders: 20_000,
    maxReadersPerRun: 2_000,
    ownerStreams: 1_000,
    ownerStartsPerMinute: 1_000,
    ownerTellingsPerMinute: 6_000,
    failedLoginsPerMinute: 20,
  },
  delivery: { compression: true, stallMs: 60_000, flushMs: 0 },
  drainMs: 25_000,
  store: { kind: "disk", path: "./data" },
  leaseMs: 7_000,
  maxBodyBytes: 8_388_608,
  openai: undefined,
  logLevel: "info",
};

const VARIABLES = [
  "HOST",
  "PORT",
  "SLUICE_TLS_CERT",
  "SLUICE_TLS_KEY",
  "SLUICE_API_KEYS",
  "SLUICE_OPERATOR_KEY",
  "SLUICE_SECRET",
  "SLUICE_ALLOW_ANONYMOUS",
  "SLUICE_CORS_ORIGINS",
  "SLUICE_MAX_CONNECTIONS",
  "SLUICE_MAX_RUNS",
  "SLUICE_MAX_READERS",
  "SLUICE_MAX_READERS_PER_RUN",
  "SLUICE_MAX_BODY_BYTES",
  "SLUICE_OWNER_STREAMS",
  "SLUICE_OWNER_STARTS_PER_MINUTE",
  "SLUICE_OWNER_TELLINGS_PER_MINUTE",
  "SLUICE_FAILED_LOGINS_PER_MINUTE",
  "SLUICE_COMPRESSION",
  "SLUICE_STALL_MS",
  "SLUICE_FLUSH_MS",
  "SLUICE_DRAIN_MS",
  "SLUICE_LOG_LEVEL",
  "OPENAI_API_KEY",
  "OPENAI_BASE_URL",
  "SLUICE_MODEL",
  "SLUICE_MODELS",
];

describe("the configuration", () => {
  it("has a default for everything", () => {
    expect(parseConfig({})).toEqual(DEFAULTS);
  });

  it("takes an empty variable for one that is not set", () => {
    expect(parseConfig(Object.fromEntries(VARIABLES.map((name) => [name, ""])))).toEqual(DEFAULTS);
  });

  const TAKEN: Readonly<Record<string, readonly [Readonly<Record<string, string>>, Partial<Config>]>> = {
    "an address and a port": [
      { HOST: "::1", PORT: "0" },
      { host: "::1", port: 0 },
    ],
    "the highest port": [{ PORT: "65535" }, { port: 65_535 }],
    "keys, several of one owner too": [
      { SLUICE_API_KEYS: "alice:key1, bob:key2,alice:new:er,," },
      {
        keys: new Map([
          ["key1", "alice"],
          ["key2", "bob"],
          ["new:er", "alice"],
        ]),
      },
    ],
    "an owner that is an e-mail address": [
      { SLUICE_API_KEYS: "a.b@c-d.org:k" },
      { keys: new Map([["k", "a.b@c-d.org"]]) },
    ],
    "an operator's key": [{ SLUICE_OPERATOR_KEY: "op:erator" }, { operatorKey: "op:erator" }],
    "a certificate": [
      { SLUICE_TLS_CERT: "./cert.pem", SLUICE_TLS_KEY: "./key.pem" },
      { tls: { cert: "./cert.pem", key: "./key.pem" } },
    ],
    "a secret": [{ SLUICE_SECRET: "sixteen letters." }, { secret: "sixteen letters." }],
    "1 as yes": [{ SLUICE_ALLOW_ANONYMOUS: "1" }, { allowAnonymous: true }],
    "true as yes": [{ SLUICE_ALLOW_ANONYMOUS: "true" }, { allowAnonymous: true }],
    "0 as no": [{ SLUICE_ALLOW_ANONYMOUS: "0" }, { allowAnonymous: false }],
    "origins as browsers name them": [
      { SLUICE_CORS_ORIGINS: "https://App.example.com/, http://localhost:5173,https://x.test:443" },
      { corsOrigins: ["https://app.example.com", "http://localhost:5173", "https://x.test"] },
    ],
    "how answers are sent": [
      { SLUICE_COMPRESSION: "off", SLUICE_STALL_MS: "1000", SLUICE_FLUSH_MS: "100" },
      { delivery: { compression: false, stallMs: 1_000, flushMs: 100 } },
    ],
    "a drain of no time": [{ SLUICE_DRAIN_MS: "0" }, { drainMs: 0 }],
    "a log level": [{ SLUICE_LOG_LEVEL: "silent" }, { logLevel: "silent" }],
    "OpenAI by its key alone": [
      { OPENAI_API_KEY: "sk-1" },
      { openai: { apiKey: "sk-1", baseURL: undefined, models: ["gpt-4o-mini"] } },
    ],
    "a server of one's own without a key": [
      { OPENAI_BASE_URL: "http://127.0.0.1:11434/v1", SLUICE_MODEL: "llama" },
      { openai: { apiKey: "none", baseURL: "http://127.0.0.1:11434/v1", models: ["llama"] } },
    ],
    "models, of which the default comes first": [
      { OPENAI_API_KEY: "sk-1", SLUICE_MODEL: "b", SLUICE_MODELS: "a, b,c" },
      { openai: { apiKey: "sk-1", baseURL: undefined, models: ["b", "a", "c"] } },
    ],
    "the first of the models as the default": [
      { OPENAI_API_KEY: "sk-1", SLUICE_MODELS: "a,b" },
      { openai: { apiKey: "sk-1", baseURL: undefined, models: ["a", "b"] } },
    ],
    "models without a provider as nothing": [{ SLUICE_MODEL: "a", SLUICE_MODELS: "b" }, {}],
    "variables of others as nothing": [{ HOME: "/root", NODE_OPTIONS: "x" }, {}],
  };
  for (const [what, [env, expected]] of Object.entries(TAKEN)) {
    it(`takes ${what}`, () => {
      expect(parseConfig(env)).toEqual({ ...DEFAULTS, ...expected });
    });
  }

  const REFUSED: readonly (readonly [variable: string, value: string])[] = [
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PORT", "3e3"],
    ["PORT", "0x1234"],
    ["PORT", " "],
    ["PORT", "http"],
    ["SLUICE_COMPRESSION", "gzip"],
    ["SLUICE_STALL_MS", "999"],
    ["SLUICE_STALL_MS", "60s"],
    ["SLUICE_FLUSH_MS", "10001"],
    ["SLUICE_DRAIN_MS", "25s"],
    ["SLUICE_DRAIN_MS", "3600001"],
    // It counted as not set: the gateway was open, or closed, to everybody, and its operator was not told.
    ["SLUICE_API_KEYS", ","],
    ["SLUICE_API_KEYS", " "],
    ["SLUICE_API_KEYS", "only-a-key-9876"],
    ["SLUICE_API_KEYS", ":key-9876"],
    ["SLUICE_API_KEYS", "zoe:"],
    ["SLUICE_API_KEYS", "sk-9876/+=:alice"],
    ["SLUICE_API_KEYS", "alice:with space"],
    ["SLUICE_API_KEYS", "alice:schlüssel"],
    ["SLUICE_API_KEYS", "alice:key-9876,bob:key-9876"],
    ["SLUICE_OPERATOR_KEY", "with space"],
    ["SLUICE_OPERATOR_KEY", "schlüssel"],
    ["SLUICE_SECRET", "fifteen letters"],
    ["SLUICE_ALLOW_ANONYMOUS", "perhaps"],
    ["SLUICE_CORS_ORIGINS", "*"],
    // Taken as the name of a host, it let in no page, and its operator was not told.
    ["SLUICE_CORS_ORIGINS", "https://*.example.com"],
    ["SLUICE_CORS_ORIGINS", "null"],
    ["SLUICE_CORS_ORIGINS", "app.example.com"],
    ["SLUICE_CORS_ORIGINS", "data:x"],
    ["SLUICE_CORS_ORIGINS", "file:///home"],
    ["SLUICE_CORS_ORIGINS", "https://example.com/app"],
    ["SLUICE_CORS_ORIGINS", "https://user@example.com"],
    ["SLUICE_LOG_LEVEL", "loud"],
    ["OPENAI_BASE_URL", "localhost:11434"],
    ["OPENAI_BASE_URL", "ftp://sk-9876@example.com"],
  ];
  it("refuses an operator's key that an owner has", () => {
    expect(() => parseConfig({ SLUICE_API_KEYS: "alice:key-9876", SLUICE_OPERATOR_KEY: "key-9876" })).toThrow(
      "SLUICE_OPERATOR_KEY: is the key of an owner too.",
    );
  });

  for (const [variable, value] of REFUSED) {
    it(`refuses ${variable}=${JSON.stringify(value)} by the variable's name, and does not repeat the value`, () => {
      let refusal: unknown;
      try {
        parseConfig({ [variable]: value });
      } catch (error) {
        refusal = error;
      }
      if (!isSluiceError(refusal, "option/invalid")) throw new Error(`not refused: ${String(refusal)}`);
      expect(refusal.message).toMatch(new RegExp(`^${variable}: .+\\.$`));
      expect(refusal.details).toEqual({ field: variable });
      if (value.trim().length > 3) expect(refusal.message).not.toContain(value);
      expect(refusal.message).not.toContain("9876");
    });
  }
});
