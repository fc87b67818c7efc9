import { isSluiceError } from "sluice/errors";
import { parseEvents } from "sluice/sse";
import { call, statusOf, type Server } from "../server/call.ts";
import type { EntriesPage, ListPage, RunAnswer, SessionAnswer, StoredPage, TotalsPage } from "./wire.ts";

/** What the inspector asks of its gateway. @throws as `call` */
export interface Api {
  readonly server: Server;
  session(): Promise<SessionAnswer>;
  signIn(key: string): Promise<void>;
  signOut(): Promise<void>;
  /** All that this node remembers, in pages. The place is that of the first. */
  list(): Promise<ListPage>;
  stored(owner: string, before?: string): Promise<StoredPage>;
  totals(): Promise<TotalsPage>;
  run(id: string): Promise<RunAnswer>;
  stop(id: string): Promise<void>;
  /** Shows what was said: the gateway notes who asked. */
  entries(id: string, after: number): Promise<EntriesPage>;
  /** The same as a reader of a dialect has it, up to so many frames after an id. */
  frames(id: string, dialect: string, options: FramesOptions): Promise<FramesPage>;
  dialects(): Promise<readonly string[]>;
}

export interface FramesOptions {
  readonly after?: string;
  readonly most: number;
  /** What has come until then is enough: a run that goes on has no end yet. */
  readonly waitMs: number;
}

export interface Frame {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export interface FramesPage {
  readonly frames: readonly Frame[];
  readonly end: boolean;
}

// The gateway of this page's own version says it: the only place where its word is taken for it.
export function createApi(server: Server): Api {
  const get = async <T>(path: string): Promise<T> => (await call(server, `/inspector/${path}`)) as T;
  return {
    server,
    session: () => get("session"),
    async signIn(key) {
      await call(server, "/inspector/session", { method: "POST", body: { key } });
    },
    async signOut() {
      await call(server, "/inspector/session", { method: "DELETE" });
    },
    async list() {
      const first = await get<ListPage>("runs");
      const facts = [...first.facts];
      const rows = [...first.rows];
      for (let { next } = first; next !== undefined;) {
        const page: ListPage = await get(`runs?after=${next}`);
        facts.push(...page.facts);
        rows.push(...page.rows);
        ({ next } = page);
      }
      return { ...first, facts, rows };
    },
    stored: (owner, before) =>
      get(`runs?${new URLSearchParams({ owner, ...(before === undefined ? {} : { before }) }).toString()}`),
    totals: () => get("totals"),
    run: (id) => get(`runs/${encodeURIComponent(id)}`),
    async stop(id) {
      await call(server, `/inspector/runs/${encodeURIComponent(id)}/stop`, { method: "POST" });
    },
    entries: (id, after) => get(`runs/${encodeURIComponent(id)}/entries?after=${after}`),
    frames: (id, dialect, options) => readFrames(server, id, dialect, options),
    async dialects() {
      const { dialects } = (await call(server, "/registry")) as { readonly dialects: readonly string[] };
      return dialects;
    },
  };
}

async function readFrames(server: Server, id: string, dialect: string, options: FramesOptions): Promise<FramesPage> {
  const { after, most, waitMs } = options;
  const url = new URL(`/inspector/runs/${encodeURIComponent(id)}/events`, server.origin);
  url.searchParams.set("dialect", dialect);
  if (after !== undefined) url.searchParams.set("after", after);
  const enough = new AbortController();
  const timer = setTimeout(() => enough.abort(), waitMs);
  const frames: Frame[] = [];
  try {
    const response = await server.fetch(url, { signal: enough.signal });
    if (response.status === 204 || !response.body) return { frames, end: true };
    if (!response.ok) throw new Error(`The server answered ${response.status}.`);
    for await (const { id: frameId = "", event, data } of parseEvents(response.body)) {
      frames.push({ id: frameId, event, data });
      if (frames.length === most) return { frames, end: false };
    }
    return { frames, end: true };
  } catch (error) {
    if (enough.signal.aborted) return { frames, end: false };
    throw error;
  } finally {
    clearTimeout(timer);
    enough.abort();
  }
}

export function isSignedOut(error: unknown): boolean {
  return statusOf(error) === 401;
}

/** The place is gone: what is shown is to be read anew. */
export function isGap(error: unknown): boolean {
  const status = statusOf(error);
  return isSluiceError(error, "client/refused") && (status === 410 || status === 400);
}
