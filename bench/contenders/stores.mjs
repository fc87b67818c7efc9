import { peerStores } from "./stores-peers.mjs";
import { rawStores } from "./stores-raw.mjs";
import { sluiceStores } from "./stores-sluice.mjs";

/**
 * @typedef {object} Contender
 * @property {"raw" | "sluice" | "peer"} kind
 * @property {string} against the name of what it is measured against
 * @property {readonly Question[]} asked what it has an answer to
 * @property {(place: string) => Promise<Started>} start the place is a directory for its own use
 *
 * @typedef {"append" | "readers" | "tail"} Question
 *
 * @typedef {object} Started
 * @property {(place: string) => Promise<Store>} open an empty store, in a directory that is there and empty
 *
 * @typedef {object} Store
 * @property {(name: string) => Promise<Log>} create
 * @property {number} [serverPid] of the server that it needs
 * @property {() => Promise<void>} close nothing runs on after it
 *
 * @typedef {object} Log
 * @property {(texts: readonly string[]) => Promise<unknown>} append
 * resolves once the texts are stored; may be called again before that
 * @property {(take: Take) => Promise<void>} [follow] a live reader from the first entry on, until the store closes
 *
 * @typedef {(count: number, texts: () => readonly string[]) => void} Take
 * is given each entry once, in order: how many there are now, and what they say for those who want to know
 */

/** @type {Record<string, Contender>} */
export const stores = { ...rawStores, ...sluiceStores, ...peerStores };

/**
 * @param {Question} question
 * @returns {readonly string[]}
 */
export function askedFor(question) {
  return Object.keys(stores).filter((name) => stores[name]?.asked.includes(question));
}
