import { call, isObject, type Server } from "./call.ts";

export interface Thread {
  readonly id: string;
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface ThreadPage {
  readonly threads: readonly Thread[];
  /** What the next page is asked for with. */
  readonly next?: string;
}

export interface RunningRun {
  readonly id: string;
  readonly threadId?: string;
}

const PAGE = 100;

/** One page, newest first. @throws as `call` */
export async function readThreads(server: Server, before?: string): Promise<ThreadPage> {
  const query = new URLSearchParams({ limit: String(PAGE), ...(before === undefined ? {} : { before }) });
  const page = await call(server, `/threads?${query}`);
  if (!isObject(page) || !Array.isArray(page["threads"])) return { threads: [] };
  const listed: readonly unknown[] = page["threads"];
  const threads = listed.map(parseThread).filter((thread) => thread !== undefined);
  return { threads, ...(typeof page["next"] === "string" ? { next: page["next"] } : {}) };
}

/** @throws as `call` */
export async function renameThread(server: Server, id: string, title: string): Promise<void> {
  await call(server, pathOf(id), { method: "PATCH", body: { title } });
}

/** Its answers are ended first: a run that goes on would stay behind. @throws as `call` */
export async function deleteThread(server: Server, id: string, { leaving = false } = {}): Promise<void> {
  const keepalive = leaving;
  const running = leaving ? [] : await readRunning(server);
  for (const run of running) {
    if (run.threadId === id) await call(server, `/runs/${encodeURIComponent(run.id)}/stop`, { method: "POST" });
  }
  await call(server, pathOf(id), { method: "DELETE", keepalive });
}

/** The caller's newest runs that have not ended. @throws as `call` */
export async function readRunning(server: Server): Promise<readonly RunningRun[]> {
  const page = await call(server, "/runs?limit=50");
  const runs: readonly unknown[] = isObject(page) && Array.isArray(page["runs"]) ? page["runs"] : [];
  return runs.flatMap((run) => {
    if (!isObject(run) || run["status"] !== "running" || typeof run["id"] !== "string") return [];
    const threadId = run["threadId"];
    return [{ id: run["id"], ...(typeof threadId === "string" ? { threadId } : {}) }];
  });
}

function parseThread(value: unknown): Thread | undefined {
  if (!isObject(value) || typeof value["id"] !== "string") return undefined;
  const { id, title, createdAt, updatedAt } = value;
  const created = typeof createdAt === "number" ? createdAt : 0;
  return {
    id,
    title: typeof title === "string" && title !== "" ? title : "Untitled chat",
    createdAt: created,
    updatedAt: typeof updatedAt === "number" ? updatedAt : created,
  };
}

function pathOf(id: string): string {
  return `/threads/${encodeURIComponent(id)}`;
}
