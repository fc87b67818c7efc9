import { Pump, batch, filter, map, onChunk, statefulMap } from "sluice/flow";
import { peer } from "../lib/peer.mjs";

/**
 * @typedef {object} Flow
 * @property {"raw" | "sluice" | "peer"} kind
 * @property {() => Promise<Record<string, (tokens: AsyncIterable<string>, take: (text: string) => void) => Promise<void>>>} load
 * by job; each calls `take` with everything that comes out
 */

/** What everything else is measured against. */
export const REFERENCE = "raw: for await, all in its body";

/**
 * "1 operator" makes tokens lengths. "6 operators": map to lower case, filter the empty ones, count them on the side, put
 * the position before each, batch by 8, join.
 */
export const jobs = ["source only", "1 operator", "6 operators"];

const GROUP = 8;
const isText = (/** @type {string} */ text) => text !== "";
const lower = (/** @type {string} */ text) => text.toLowerCase();
const length = (/** @type {string} */ text) => String(text.length);
const join = (/** @type {readonly string[]} */ texts) => texts.join("");
let seen = 0;
const count = () => {
  seen += 1;
};

/** @type {Record<string, Flow>} */
export const flows = {
  [REFERENCE]: {
    kind: "raw",
    load: async () => ({
      "source only": drainInto,
      async "1 operator"(tokens, take) {
        for await (const token of tokens) take(length(token));
      },
      async "6 operators"(tokens, take) {
        let at = 0;
        /** @type {string[]} */
        let group = [];
        for await (const token of tokens) {
          const text = lower(token);
          if (!isText(text)) continue;
          count();
          group.push(place(text, at));
          at += text.length;
          if (group.length < GROUP) continue;
          take(join(group));
          group = [];
        }
        if (group.length > 0) take(join(group));
      },
    }),
  },
  "plain: an async generator each": {
    kind: "raw",
    load: async () => ({
      "source only": drainInto,
      "1 operator": (tokens, take) => drainInto(generators.map(tokens, length), take),
      "6 operators"(tokens, take) {
        const texts = generators.tap(generators.filter(generators.map(tokens, lower), isText), count);
        return drainInto(generators.map(generators.batch(generators.placed(texts)), join), take);
      },
    }),
  },

  "sluice: Pump": {
    kind: "sluice",
    load: async () => ({
      "source only": (tokens, take) => drainInto(Pump.from(tokens), take),
      "1 operator": (tokens, take) => drainInto(Pump.from(tokens).map(length), take),
      "6 operators": (tokens, take) =>
        drainInto(
          Pump.from(tokens).map(lower).filter(isText).onChunk(count).statefulMap(placing).batch(GROUP).map(join),
          take,
        ),
    }),
  },
  "sluice: functions": {
    kind: "sluice",
    load: async () => ({
      "source only": drainInto,
      "1 operator": (tokens, take) => drainInto(map(tokens, length), take),
      "6 operators"(tokens, take) {
        const texts = onChunk(filter(map(tokens, lower), isText), count);
        return drainInto(map(batch(statefulMap(texts, placing), GROUP), join), take);
      },
    }),
  },

  "rxjs: from(tokens).pipe": {
    kind: "peer",
    async load() {
      const rx = await peer("rxjs");
      const placed = () =>
        rx.scan(
          (/** @type {Placed} */ { end }, /** @type {string} */ text) => ({
            end: end + text.length,
            text: place(text, end),
          }),
          { end: 0, text: "" },
        );
      const run = (/** @type {any} */ flow, /** @type {(text: string) => void} */ take) =>
        new Promise((resolve, reject) => {
          flow.subscribe({ next: take, error: reject, complete: resolve });
        });
      return {
        "source only": (tokens, take) => run(rx.from(tokens), take),
        "1 operator": (tokens, take) => run(rx.from(tokens).pipe(rx.map(length)), take),
        "6 operators": (tokens, take) =>
          run(
            rx.from(tokens).pipe(
              rx.map(lower),
              rx.filter(isText),
              rx.tap(count),
              placed(),
              rx.map((/** @type {Placed} */ { text }) => text),
              rx.bufferCount(GROUP),
              rx.map(join),
            ),
            take,
          ),
      };
    },
  },
};

/** @typedef {{ end: number, text: string }} Placed */

/** @param {string} text @param {number} at */
function place(text, at) {
  return `${at}:${text}`;
}

/** @type {import("sluice/flow").StatefulHandlers<string, number, string>} */
const placing = {
  onFirstChunk(text, yieldData) {
    yieldData(place(text, 0));
    return text.length;
  },
  onChunk(text, at, yieldData) {
    yieldData(place(text, at));
    return at + text.length;
  },
};

/** @param {AsyncIterable<string>} texts @param {(text: string) => void} take */
async function drainInto(texts, take) {
  for await (const text of texts) take(text);
}

/** As one writes them without a library. */
const generators = {
  /** @template T @param {AsyncIterable<T>} source @param {(item: T) => string} turn */
  async *map(source, turn) {
    for await (const item of source) yield turn(item);
  },
  /** @param {AsyncIterable<string>} source @param {(item: string) => boolean} keep */
  async *filter(source, keep) {
    for await (const item of source) if (keep(item)) yield item;
  },
  /** @param {AsyncIterable<string>} source @param {(item: string) => void} look */
  async *tap(source, look) {
    for await (const item of source) {
      look(item);
      yield item;
    }
  },
  /** @param {AsyncIterable<string>} source */
  async *placed(source) {
    let at = 0;
    for await (const text of source) {
      yield place(text, at);
      at += text.length;
    }
  },
  /** @param {AsyncIterable<string>} source */
  async *batch(source) {
    /** @type {string[]} */
    let group = [];
    for await (const text of source) {
      group.push(text);
      if (group.length < GROUP) continue;
      yield group;
      group = [];
    }
    if (group.length > 0) yield group;
  },
};
