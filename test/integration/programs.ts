import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";

const PATIENCE_MS = 10_000;

/** Another program in front of a server, with a folder of its own. */
export interface Proxy {
  readonly url: string;
  close(): Promise<void>;
}

/** The proxies that are tested, as their makers ship them where nothing else is said. */
export const PROXIES: Readonly<Record<string, (place: Place) => Command>> = {
  "nginx with an HTTP/1.1 upstream": (place) => nginx(place, 'proxy_http_version 1.1; proxy_set_header Connection "";'),
  "nginx with its stock HTTP/1.0 upstream": (place) => nginx(place, ""),
  "nginx with its stock HTTP/1.0 upstream and gzip": (place) =>
    nginx(place, 'gzip on; gzip_types text/event-stream; proxy_set_header Accept-Encoding "";'),
  "nginx that is told to compress, and passes Accept-Encoding on": (place) =>
    nginx(place, 'proxy_http_version 1.1; proxy_set_header Connection ""; gzip on; gzip_types text/event-stream;'),
  haproxy: (place) => haproxy(place, ""),
  "haproxy that is told to compress": (place) =>
    haproxy(place, "filter compression\ncompression algo gzip\ncompression type text/event-stream"),
  caddy: (place) => caddy(place, ""),
  "caddy that is told to compress": (place) =>
    caddy(place, "encode {\n gzip\n minimum_length 1\n match {\n header Content-Type text/event-stream*\n }\n }"),
};

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly upstream: number;
}

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Written to the file `conf` of the folder. */
  readonly conf: string;
}

function nginx({ folder, port, upstream }: Place, settings: string): Command {
  const bodies = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return {
    program: "nginx",
    args: ["-p", folder, "-c", join(folder, "conf"), "-e", "stderr"],
    conf: `
      daemon off;
      master_process off;
      pid ${folder}/pid;
      error_log stderr crit;
      events { worker_connections 256; }
      http {
        access_log off;
        ${bodies.map((name) => `${name}_temp_path ${folder}/${name};`).join(" ")}
        server {
          listen 127.0.0.1:${port};
          location / { proxy_pass http://127.0.0.1:${upstream}; ${settings} }
        }
      }
      `,
  };
}

function haproxy({ folder, port, upstream }: Place, settings: string): Command {
  return {
    program: "haproxy",
    args: ["-db", "-f", join(folder, "conf")],
    conf: `
      defaults
        mode http
        retries 0
        timeout connect 5s
        timeout client 60s
        timeout server 60s
      listen sluice
        bind 127.0.0.1:${port}
        ${settings}
        server upstream 127.0.0.1:${upstream}
      `,
  };
}

function caddy({ folder, port, upstream }: Place, settings: string): Command {
  return {
    program: "caddy",
    args: ["run", "--adapter", "caddyfile", "--config", join(folder, "conf")],
    conf: `
      {
        admin off
        auto_https off
        grace_period 100ms
      }
      http://127.0.0.1:${port} {
        bind 127.0.0.1
        ${settings}
        reverse_proxy 127.0.0.1:${upstream}
      }
      `,
  };
}

/** Starts a proxy of `PROXIES`. Resolves when it passes requests on, for which the upstream must answer `/health`. */
export async function startProxy(name: string, upstream: number): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-proxy-"));
  const port = await freePort();
  const { program, args, conf } = PROXIES[name]!({ folder, port, upstream });
  writeFileSync(join(folder, "conf"), `${conf.trim()}\n`);
  const child = spawn(program, args, {
    // Debian keeps servers where the PATH of a user does not look.
    env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`, HOME: folder },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  const failure = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`${name} ended. It said: ${said}`)));
  });
  failure.catch(() => {});

  const proxy: Proxy = {
    url: `http://127.0.0.1:${port}`,
    async close() {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await Promise.race([failure, vi.waitFor(() => expectHealth(proxy), { timeout: PATIENCE_MS, interval: 10 })]);
    return proxy;
  } catch (error) {
    await proxy.close();
    throw error;
  }
}

async function expectHealth({ url }: Proxy): Promise<void> {
  const response = await fetch(`${url}/health`);
  await response.text();
  if (!response.ok) throw new Error(`${url} answers ${response.status}.`);
}

/** Stands between a proxy and its upstream, in a process that can be killed and comes back on the same port. */
export interface Relay {
  readonly port: number;
  /** `kill -9`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function startRelay(upstream: number): Promise<Relay> {
  const file = fileURLToPath(new URL("relay.mjs", import.meta.url));
  let port = 0;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    child = fork(file, [String(port), String(upstream)], { execArgv: [] });
    const [listening] = (await once(child, "message")) as [number];
    port = listening;
  }
  async function stop(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    if (child) await end(child, signal);
  }

  await start();
  return {
    get port() {
      return port;
    },
    start,
    kill: () => stop("SIGKILL"),
    close: () => stop("SIGTERM"),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit");
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  await ended;
  clearTimeout(timer);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
