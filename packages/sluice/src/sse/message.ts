/**
 * What a server sends: one block of an event stream. Every part is optional, but not all of them at once.
 *
 * `data` and `event` make the block an event that clients dispatch; an `event` without `data` carries an empty string,
 * because clients drop a block without data in silence. `id` and `retry` without them are settings of the stream:
 * a client remembers them and dispatches nothing. Not every client remembers the id of such a block, so an id that
 * must arrive needs `data`.
 */
export interface SSEMessage {
  /** One line without NUL. An empty name means "message", like none. */
  readonly event?: string;
  /**
   * A string travels as it is, with CRLF and CR turned into LF. Anything else travels as JSON, so `undefined`
   * counts as not given.
   */
  readonly data?: unknown;
  /** One line without NUL. The empty string makes clients forget the last id. */
  readonly id?: string;
  /** Milliseconds that clients wait before they reconnect: a whole number. */
  readonly retry?: number;
}
