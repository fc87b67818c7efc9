#!/usr/bin/env node
import { existsSync } from "node:fs";
import { isSluiceError } from "sluice/errors";
import type { Logger } from "sluice/http";
import { parseConfig, type Config } from "./config.ts";
import { startGateway, type Gateway } from "./gateway.ts";
import { createLog } from "./log.ts";
import { isLoopback } from "./loopback.ts";
import { openStore, type OpenStore } from "./store.ts";

try {
  // What the environment says already wins over the file.
  if (existsSync(".env")) process.loadEnvFile(".env");
  const config = parseConfig(process.env);
  const log = createLog(config.logLevel);
  const opened = await openStore(config, log);
  const gateway = await startGateway(config, { store: opened.store, log }).catch(async (error: unknown) => {
    // Not closed, its directory would be taken for that of a process that was killed, and read through.
    await opened.close();
    throw error;
  });
  // Whoever reads that it is there may end it.
  endOnSignal(gateway, config.drainMs, opened);
  if (config.tls) reloadOnSignal(gateway, log);
  console.log(welcome(gateway, config, opened));
} catch (error) {
  console.error(reasonOf(error));
  process.exit(1);
}

function welcome({ url, models }: Gateway, config: Config, { name }: OpenStore): string {
  const demo = models.some((model) => model.demo);
  const model = demo
    ? "the built-in demo; OPENAI_API_KEY or OPENAI_BASE_URL switch to a real one"
    : models.map(({ name }) => name).join(", ");
  return [`Sluice is at ${url}`, `  model: ${model}`, `  answers are kept in ${name}`, `  ${whoMayAsk(config)}`].join(
    "\n",
  );
}

function whoMayAsk({ keys, allowAnonymous, host }: Config): string {
  if (keys.size > 0) return `who has a key may ask: ${[...new Set(keys.values())].join(", ")}`;
  if (allowAnonymous) return "everybody who can reach it may ask";
  if (isLoopback(host)) return "only this machine may ask; HOST=0.0.0.0 and SLUICE_API_KEYS=alice:key1 let others in";
  return "nobody may ask: SLUICE_API_KEYS=alice:key1 gives somebody a key";
}

// One Ctrl-C arrives twice under npm: from the terminal, and forwarded.
const SAME_SIGNAL_MS = 300;

function endOnSignal(gateway: Gateway, drainMs: number, store: OpenStore): void {
  const deadline = new AbortController();
  let since: number | undefined;
  const end = (): void => {
    if (since !== undefined) {
      if (performance.now() - since > SAME_SIGNAL_MS) deadline.abort();
      return;
    }
    since = performance.now();
    setTimeout(() => deadline.abort(), drainMs).unref();
    void close(deadline.signal);
    const left = gateway.producing;
    if (left > 0) console.error(`Open answers: ${left}. They have ${drainMs / 1000} s; the same again ends them now.`);
  };
  const close = async (signal: AbortSignal): Promise<void> => {
    try {
      await gateway.close(signal);
      await store.close();
      process.exit(0);
    } catch (error) {
      console.error(reasonOf(error));
      process.exit(1);
    }
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
}

// What runs the renewal of a certificate sends it. Without one, SIGHUP ends the program as it always does.
function reloadOnSignal(gateway: Gateway, log: Logger): void {
  process.on("SIGHUP", () => {
    try {
      gateway.reload();
      log("info", "certificate reloaded", {});
    } catch (error) {
      log("error", "certificate not reloaded", { code: "option/invalid", reason: reasonOf(error) });
    }
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isSluiceError(error)) return error.message;
  if (!("syscall" in error)) return error.stack ?? error.message;
  const inUse = "code" in error && error.code === "EADDRINUSE";
  return inUse ? `${error.message}. Another program has it: PORT=3001 takes another one, PORT=0 any.` : error.message;
}
