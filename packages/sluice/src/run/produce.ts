import { untilAborted } from "../base/abort.ts";
import { isTerminal, type RunEvent } from "../chat/index.ts";
import type { OpenRun } from "./open.ts";
import { toRunEvents } from "./source.ts";
import type { RunInput, SourceContext } from "./types.ts";

/**
 * Pours a source into a run until there is a terminal: its own, `finish` after a normal end, `error` when it throws.
 * When the run's signal fires the run ends by itself, also while the source hangs. Never rejects for the source's sake.
 */
export async function produce(run: OpenRun, input: RunInput): Promise<void> {
  const { id: runId, signal } = run;
  try {
    for await (const event of untilAborted(eventsOf(input, { runId, signal }), signal)) {
      await run.append(event);
      if (isTerminal(event)) return;
    }
    await run.finish();
  } catch (error) {
    await run.fail(error);
  }
}

async function* eventsOf(input: RunInput, context: SourceContext): AsyncGenerator<RunEvent> {
  const source = typeof input === "function" ? await input(context) : input;
  yield* toRunEvents(source, { signal: context.signal });
}

/** For a request that attached to a run: the source it brought along is let go of. */
export async function discard(input: RunInput): Promise<void> {
  if (typeof input === "function") return;
  const events = toRunEvents(input, { signal: AbortSignal.abort() });
  try {
    // A generator that never ran has nothing to return: it is started to be ended.
    await events.next();
  } catch {
    // Nobody is listening to what it says.
  } finally {
    await events.return(undefined);
  }
}
