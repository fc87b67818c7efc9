/** Waits for a turn of the event loop. Of all that wait, one goes on in each. */
export type Turn = () => Promise<void>;

/**
 * Long work is done in pieces, so that whoever has little to do waits for one piece, however many have much: a plain
 * `setImmediate` would run a piece of each of them in the same turn.
 */
export function createTurns(): Turn {
  let last = Promise.resolve();
  return () => (last = last.then(() => new Promise<void>((resolve) => setImmediate(resolve))));
}
