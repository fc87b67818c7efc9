import type { Clock } from "../base/clock.ts";
import { isSluiceError } from "../base/errors.ts";
import type { LogStore } from "../log/types.ts";

export interface LeasesOptions {
  readonly store: LogStore;
  readonly clock: Clock;
  readonly holder: string;
  readonly leaseMs: number;
}

/** Renews the leases of the runs that are produced here. */
export interface Leases {
  /** @param onLost called when the lease is gone: refused with a code, or not renewed for a whole lease */
  hold(id: string, fence: number, onLost: (error: unknown) => void): void;
  letGo(id: string): void;
}

interface Held {
  readonly fence: number;
  readonly onLost: (error: unknown) => void;
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
      await store.lease(id, { holder, ttlMs: leaseMs, fence: lease.fence });
      lease.askedAt = askedAt;
    } catch (error) {
      if (!held.has(id) || isSluiceError(error, "log/closed")) return;
      const lapsed = clock.now() - lease.askedAt >= leaseMs;
      const refused = isSluiceError(error) && error.code !== "log/unavailable";
      if (lapsed || refused) lease.onLost(error);
    }
  }

  return {
    hold(id, fence, onLost) {
      held.set(id, { fence, onLost, askedAt: clock.now() });
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
