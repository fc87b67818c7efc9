#!/usr/bin/env node
import { existsSync } from "node:fs";
import { isSluiceError } from "sluice/errors";
import { parseConfig, type Config } from "./config.ts";
import { startGateway, type Gateway } from "./gateway.ts";
import { createLog } from "./log.ts";
import { isLoopback } from "./loopback.ts";

try {
  // What the environment says already wins over the file.
  if (existsSync(".env")) process.loadEnvFile(".env");
  const config = parseConfig(process.env);
  const gateway = await startGateway(config, createLog(config.logLevel));
  console.log(welcome(gateway, config));
  endOnSignal(gateway, config.drainMs);
} catch (error) {
  console.error(isSluiceError(error) ? error.message : reasonOf(error));
  process.exit(1);
}

function welcome({ url, models }: Gateway, config: Config): string {
  const [first] = models;
  const model =
    first?.demo === true
      ? "the built-in demo; OPENAI_API_KEY or OPENAI_BASE_URL switch to a real one"
      : models.map(({ name }) => name).join(", ");
  const lines = [`Sluice is at ${url}`, `  model: ${model}`];
  if (config.keys.size === 0 && !config.allowAnonymous) {
    const only = isLoopback(config.host) ? "only this machine may ask" : "nobody may ask";
    lines.push(`  ${only}; SLUICE_API_KEYS=alice:key1 lets others in`);
  }
  return lines.join("\n");
}

// One Ctrl-C arrives twice under npm: from the terminal, and forwarded.
const SAME_SIGNAL_MS = 300;

function endOnSignal(gateway: Gateway, drainMs: number): void {
  const deadline = new AbortController();
  let since: number | undefined;
  const end = (): void => {
    if (since !== undefined) {
      if (performance.now() - since > SAME_SIGNAL_MS) deadline.abort();
      return;
    }
    since = performance.now();
    if (gateway.producing > 0) {
      console.error(`Finishing ${gateway.producing} answers, at most ${drainMs / 1000} s. Once more ends them now.`);
    }
    setTimeout(() => deadline.abort(), drainMs).unref();
    gateway.close(deadline.signal).then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(reasonOf(error));
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && error.code === "EADDRINUSE") {
    return `${error.message}. Another program has this port: PORT=3001 npm start takes another one.`;
  }
  return error.stack ?? error.message;
}
