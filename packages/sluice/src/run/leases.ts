import type { Clock } from "../base/clock.ts";
import { isSluiceError, publicError } from "../base/errors.ts";
import type { LogStore } from "../log/types.ts";
import type { ActiveRun } from "./active.ts";
import { PATIENCE_MS } from "./writer.ts";

export interface LeasesOptions {
  readonly store: LogStore;
  readonly clock: Clock;
  readonly holder: string;
  readonly leaseMs: number;
}

/** Renews the leases of the runs that are produced here. */
export interface Leases {
  /**
   * Aborts the run when its lease is gone: refused with a code, or not renewed for a whole lease. While the store is
   * away (a fail-over) nobody else can have it either: then the run has as long again as an append is tried.
   */
  hold(id: string, run: Pick<ActiveRun, "fence" | "watch" | "abort">): void;
  letGo(id: string): void;
}

interface Held {
  readonly run: Pick<ActiveRun, "fence" | "watch" | "abort">;
  /** When the lease was asked for that the log granted last. */
  askedAt: number;
}

/** One timer for all, which ends with the last lease. */
export function createLeases({ store, clock, holder, leaseMs }: LeasesOptions): Leases {
  const held = new Map<string, Held>();
  let cancel: (() => void) | undefined;

  function renewLater(): void {
    cancel ??= clock.timer(leaseMs / 3.5, () => {
      cancel = undefined;
      for (const [id, lease] of held) void renew(id, lease);
      renewLater();
    });
  }

  // A log that fails is asked again while the lease may last.
  async function renew(id: string, lease: Held): Promise<void> {
    const askedAt = clock.now();
    try {
      await store.lease(id, { holder, ttlMs: leaseMs, fence: lease.run.fence });
      lease.askedAt = askedAt;
      if (held.has(id)) lease.run.watch?.leaseRenewed();
    } catch (error) {
      if (!held.has(id) || isSluiceError(error, "log/closed")) return;
      const isAway = isSluiceError(error, "log/unavailable");
      const lapsed = clock.now() - lease.askedAt >= (isAway ? leaseMs + PATIENCE_MS : leaseMs);
      const refused = isSluiceError(error) && !isAway;
      if (!lapsed && !refused) return;
      lease.run.watch?.leaseLost(publicError(error).code);
      lease.run.abort(error);
    }
  }

  return {
    hold(id, run) {
      held.set(id, { run, askedAt: clock.now() });
      renewLater();
    },
    letGo(id) {
      held.delete(id);
      if (held.size > 0) return;
      cancel?.();
      cancel = undefined;
    },
  };
}
