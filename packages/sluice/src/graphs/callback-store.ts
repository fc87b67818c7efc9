/** Where action tokens are kept. What they hold is text: the store does not look into it. */
export interface CallbackStore {
  /** @throws SluiceError `callback/too-many` when there is no room */
  issue(
    token: string,
    entry: { readonly owner: string; readonly action: string; readonly ttlMs: number },
  ): Promise<void>;
  /**
   * Gets and locks, in one step. Somebody else than the owner finds nothing, and changes nothing. A holder that takes again
   * what it holds gets the same answer. A lock that is not given back lapses after `lockMs`.
   */
  take(token: string, by: { readonly owner: string; readonly holder: string; readonly lockMs: number }): Promise<Taken>;
  /** Spends the token: from now on it has this outcome, for `keepMs`. False when somebody else holds it by now. */
  settle(
    token: string,
    end: { readonly holder: string; readonly outcome: string; readonly keepMs: number },
  ): Promise<boolean>;
  /**
   * Gives the lock back, for another attempt. Nothing happens when somebody else holds it.
   * @param options.untried this one does not count
   */
  release(token: string, holder: string, options?: { readonly untried?: boolean }): Promise<void>;
}

export type Taken =
  /** Never was, is gone, or is another owner's. */
  | { readonly kind: "missing" }
  /** Held by another, for so many milliseconds more at most. */
  | { readonly kind: "locked"; readonly ms: number }
  | { readonly kind: "settled"; readonly outcome: string }
  /** @param attempt which one this is, from 1 */
  | { readonly kind: "taken"; readonly action: string; readonly attempt: number };
