/** Blocks of an event stream. */
export type Sent = readonly { readonly data: object; readonly id: string }[];

/** What comes last in the dialect `ai-sdk`. */
export const DONE = { data: "[DONE]" };

/** The events of an answer, in that dialect, with the ids of a run; `DONE` comes after them. */
export function answer(...words: readonly string[]): {
  readonly begin: Sent;
  readonly words: Sent;
  readonly end: Sent;
} {
  const begin = [
    { type: "start", messageId: "msg_1" },
    { type: "text-start", id: "t" },
  ];
  const deltas = words.map((delta) => ({ type: "text-delta", id: "t", delta }));
  const end = [
    { type: "text-end", id: "t" },
    { type: "finish", finishReason: "stop" },
  ];
  let n = 0;
  const sent = (events: readonly object[]): Sent => events.map((data) => ({ data, id: idOf((n += 1)) }));
  return { begin: sent(begin), words: sent(deltas), end: sent(end) };
}

function idOf(sequence: number): string {
  const digits = String(sequence);
  return `${digits.length.toString(36)}${digits}`;
}
