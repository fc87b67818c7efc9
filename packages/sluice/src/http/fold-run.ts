import { createFold } from "../chat/index.ts";
import type { Message, RunEvent } from "../chat/index.ts";
import type { LogStore } from "../log/index.ts";
import type { RunState } from "../run/index.ts";

/** The message as far as the log went when `run` was looked at. */
export async function foldRun(store: LogStore, run: RunState): Promise<Message> {
  const fold = createFold();
  const last = Number(run.lastOffset.slice(1));
  for (let after = 0; after < last; ) {
    const { entries } = await store.read(run.id, { after });
    for (const entry of entries.slice(0, last - after)) fold.add(JSON.parse(entry) as RunEvent);
    after += entries.length;
    await new Promise<void>((resolve) => setImmediate(resolve)); // others have their turn
  }
  return fold.message;
}
