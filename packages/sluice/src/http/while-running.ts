import type { RunState, Runs } from "../run/index.ts";

/**
 * Runs of this node that were started without a key and may still run, by what was asked. A bare EventSource that
 * reconnects before the first frame came has no Last-Event-ID: while the run lasts, the same question attaches to it.
 * @param attached what somebody who attaches is given
 */
export function createWhileRunning<Started extends { readonly id: string }>(
  runs: Runs,
  attached: (known: Started, run: RunState) => Started,
): {
  has(question: string): boolean;
  startOrAttach(question: string, start: () => Promise<Started>): Promise<Started>;
} {
  const running = new Map<string, Promise<Started>>();

  async function startOrAttach(question: string, start: () => Promise<Started>): Promise<Started> {
    const known = running.get(question);
    if (known === undefined) return remember(question, start());
    const found = await known.then(
      async (started) => ({ started, run: await runs.get(started.id) }),
      () => undefined,
    );
    if (found?.run?.status === "running") return attached(found.started, found.run);
    if (running.get(question) === known) running.delete(question);
    return startOrAttach(question, start);
  }

  function remember(question: string, starting: Promise<Started>): Promise<Started> {
    running.set(question, starting);
    const forget = (): void => {
      if (running.get(question) === starting) running.delete(question);
    };
    void starting.then(({ id }) => runs.ended(id)).then(forget, forget);
    return starting;
  }

  return { has: (question) => running.has(question), startOrAttach };
}
