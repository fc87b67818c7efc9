import { microseconds } from "./parts.mjs";

const STEP_MS = 5;

/**
 * One timer for the sources of thousands of answers, which get their tokens in turn: each one every `everyMs`. A token
 * says which it is, and when it was due: a model does not wait for a server that is late.
 *
 * @param {number} everyMs
 */
export function createWheel(everyMs) {
  /** @type {Source[]} */
  let sources = [];

  return {
    /** @returns {AsyncIterable<string> & AsyncIterator<string>} */
    tokens() {
      const source = createSource();
      sources.push(source);
      return source;
    },
    /** @param {number} count of tokens for each */
    begin(count) {
      const due = sources;
      sources = [];
      const perToken = (everyMs * 1_000) / due.length;
      const start = microseconds();
      let given = 0;
      const timer = setInterval(() => {
        const until = Math.min(count * due.length, Math.floor((microseconds() - start) / perToken));
        for (; given < until; given += 1) due[given % due.length]?.add(Math.round(start + given * perToken));
        if (given < count * due.length) return;
        clearInterval(timer);
        for (const source of due) source.end();
      }, STEP_MS);
    },
  };
}

/** @typedef {ReturnType<typeof createSource>} Source */

function createSource() {
  /** @type {string[]} */
  const ready = [];
  /** @type {((result: IteratorResult<string>) => void) | undefined} */
  let waiting;
  let made = 0;
  let ended = false;
  const source = {
    add(/** @type {number} */ at) {
      const token = `${made}:${at};`;
      made += 1;
      if (!waiting) return void ready.push(token);
      const resolve = waiting;
      waiting = undefined;
      resolve({ done: false, value: token });
    },
    end() {
      ended = true;
      waiting?.(OVER);
    },
    /** @returns {Promise<IteratorResult<string>>} */
    next() {
      const value = ready.shift();
      if (value !== undefined) return Promise.resolve({ done: false, value });
      if (ended) return Promise.resolve(OVER);
      return new Promise((resolve) => {
        waiting = resolve;
      });
    },
    /** @returns {AsyncIterator<string>} */
    [Symbol.asyncIterator]() {
      return source;
    },
  };
  return source;
}

/** @type {IteratorResult<string>} */
const OVER = { done: true, value: undefined };
