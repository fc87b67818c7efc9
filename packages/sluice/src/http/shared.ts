/** The value for a key: the one that somebody still holds or is making, else a new one. */
export type Shared<T extends object> = (key: string, make: () => Promise<T>) => Promise<T>;

/**
 * For what is large and the same for many, such as the last frame of a long answer: a hundred readers that take it
 * slowly hold it once. Nothing is kept for later: it goes when the last of them has let go of it.
 */
export function createShared<T extends object>(): Shared<T> {
  const values = new Map<string, Promise<T> | WeakRef<T>>();
  const collected = new FinalizationRegistry<string>((key) => {
    const value = values.get(key);
    if (value instanceof WeakRef && value.deref() === undefined) values.delete(key);
  });

  return (key, make) => {
    const known = values.get(key);
    const value = known instanceof WeakRef ? known.deref() : known;
    if (value !== undefined) return Promise.resolve(value);
    const making = Promise.resolve().then(make);
    values.set(key, making);
    const keep = (made: T): void => {
      values.set(key, new WeakRef(made));
      collected.register(made, key);
    };
    void making.then(keep, () => values.delete(key));
    return making;
  };
}
