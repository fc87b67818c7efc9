import { whenAborted } from "../base/abort.ts";
import { isTerminal } from "../chat/index.ts";
import type { OpenSource } from "../dialects/response.ts";
import type { OpenRun } from "./open.ts";
import { openSource, toRunEvents, type Source } from "./source.ts";
import type { RunInput, SourceContext } from "./types.ts";
import { ROOM } from "./writer.ts";

/**
 * Pours a source into a run until there is a terminal: its own (nothing is read after it), `finish` after a normal end,
 * `error` when it throws. When the run's signal fires the run ends by itself, also while the source hangs.
 * @throws what the log threw when no terminal could be written; never for the source's sake
 */
export async function produce(run: OpenRun, input: RunInput): Promise<void> {
  const { id: runId, signal } = run;
  if (signal.aborted) return discard(input);
  const stopped = whenAborted(signal);
  try {
    const poured = pour(run, sourceOf(input, { runId, signal }));
    poured.catch(() => {}); // after a stop nobody listens to a source that hangs
    // One race for all events: what is poured after it, the run refuses.
    await Promise.race([poured, stopped.promise]);
    signal.throwIfAborted();
    await run.finish();
  } catch (error) {
    await run.fail(error);
  } finally {
    stopped.dispose();
  }
}

/** Resolves at the end of the source, or after its terminal. */
async function pour(run: OpenRun, given: Promise<Source>): Promise<void> {
  const { signal } = run;
  const source = openSource(await given);
  const stopped = { yes: false }; // asked for each event: a signal is slow to answer
  const stop = (): void => {
    stopped.yes = true;
    source.letGo();
  };
  if (signal.aborted) stop();
  signal.throwIfAborted();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await pourItems(run, source, stopped);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function pourItems(
  run: OpenRun,
  { items, decoder }: OpenSource,
  stopped: { readonly yes: boolean },
): Promise<void> {
  for await (const item of items) {
    if (stopped.yes) return;
    for (const event of decoder.add(item)) {
      const room = run.append(event);
      if (room !== ROOM) await room;
      if (isTerminal(event)) return;
    }
  }
  if (stopped.yes) return;
  for (const event of decoder.end()) await run.append(event);
}

/** For a request that started nothing: the source it brought along is let go of. Never rejects. */
export async function discard(input: RunInput): Promise<void> {
  if (typeof input === "function") return;
  try {
    const events = toRunEvents(input, { signal: AbortSignal.abort() });
    // A generator that never ran has nothing to return: it is started to be ended.
    await events.next();
    await events.return(undefined);
  } catch {
    // Nobody is listening to what it says.
  }
}

async function sourceOf(input: RunInput, context: SourceContext): Promise<Source> {
  return typeof input === "function" ? input(context) : input;
}
