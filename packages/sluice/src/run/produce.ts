import { untilAborted } from "../base/abort.ts";
import type { OpenRun } from "./open.ts";
import { toRunEvents, type RunSource } from "./source.ts";
import type { RunInput, SourceContext } from "./types.ts";

/**
 * Pours a source into a run until there is a terminal: its own (`toRunEvents` ends there), `finish` after a normal end,
 * `error` when it throws. When the run's signal fires the run ends by itself, also while the source hangs.
 * @throws what the log threw when no terminal could be written; never for the source's sake
 */
export async function produce(run: OpenRun, input: RunInput): Promise<void> {
  const { id: runId, signal } = run;
  if (signal.aborted) return discard(input);
  try {
    const events = toRunEvents(sourceOf(input, { runId, signal }), { signal });
    for await (const event of untilAborted(events, signal)) await run.append(event);
    await run.finish();
  } catch (error) {
    await run.fail(error);
  }
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

async function sourceOf(input: RunInput, context: SourceContext): Promise<Awaited<RunSource>> {
  return typeof input === "function" ? input(context) : input;
}
