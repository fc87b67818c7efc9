import { iterate, type Answer, type Producer } from "./iterate.ts";
import { openSource, type Reading, type Source } from "./source.ts";

/** The items of the first stream, then those of the second, and so on. A stream is opened when it is its turn. */
export function sequenceStreams<T>(streams: Source<Source<T>>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => iterate<T>((answer) => sequence(streams, answer)) };
}

function sequence<T>(streams: Source<Source<T>>, answer: Answer<T>): Producer {
  let current: Reading | undefined;

  const open = (stream: Source<T>): Reading =>
    openSource(stream, {
      item: answer.give,
      end() {
        current = undefined;
        all.ask();
      },
      fail: breakOff,
    });
  const all = openSource(streams, {
    item(stream) {
      try {
        current = open(stream);
      } catch (error) {
        breakOff(error);
        return;
      }
      current.ask();
    },
    end: answer.end,
    fail: answer.fail,
  });

  function breakOff(error: unknown): void {
    current = undefined;
    const fail = (): void => answer.fail(error);
    all.leave().then(fail, fail);
  }

  return {
    pull: () => (current ?? all).ask(),
    async leave() {
      try {
        await current?.leave();
      } finally {
        await all.leave();
      }
    },
  };
}
