/**
 * @typedef {{ id: string, event: string, data: string }} Event
 */

/**
 * Answers for whoever is there while they are made: what a server without a log can do.
 *
 * @template T
 * @param {(readers: Set<T>, event: Event) => void} send
 * @param {(reader: T) => void} end
 */
export function createChannels(send, end) {
  /** @type {Map<string, Set<T>>} */
  const channels = new Map();
  let opened = 0;
  const pour = async (/** @type {Set<T>} */ readers, /** @type {AsyncIterable<string>} */ parts) => {
    let id = 0;
    for await (const content of parts) {
      id += 1;
      send(readers, { id: String(id), event: "chunk", data: JSON.stringify({ content }) });
    }
    for (const reader of readers) end(reader);
  };
  return {
    open(/** @type {AsyncIterable<string>} */ parts) {
      opened += 1;
      const path = `/${opened}`;
      const readers = new Set();
      channels.set(path, readers);
      return { path, over: pour(readers, parts).finally(() => channels.delete(path)) };
    },
    /** @param {string | undefined} path @returns {Set<T>} */
    at(path = "") {
      const readers = channels.get(path);
      if (!readers) throw new Error(`There is nothing at ${path}`);
      return readers;
    },
  };
}
