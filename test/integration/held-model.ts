/** A model that says what the test tells it to, word by word, to everybody who asks it. */
export interface HeldModel {
  /** How often it was asked. */
  readonly calls: number;
  say(...words: readonly string[]): void;
  end(): void;
  /** Says this, and fails. */
  fail(words: string): void;
}

export interface HeldSource extends HeldModel {
  open(): AsyncGenerator<string>;
}

export function createHeldSource(): HeldSource {
  const words: string[] = [];
  let calls = 0;
  let ended = false;
  let failed = false;
  let wake = (): void => {};

  async function* speak(): AsyncGenerator<string> {
    for (let next = 0; ;) {
      while (next < words.length) yield words[next++] ?? "";
      if (failed) throw new Error("The model was told to fail.");
      if (ended) return;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  return {
    get calls() {
      return calls;
    },
    say(...more) {
      words.push(...more);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    fail(last) {
      words.push(last);
      failed = true;
      wake();
    },
    open() {
      calls += 1;
      return speak();
    },
  };
}

/** Each with the space after it. */
export function wordsOf(text: string): readonly string[] {
  return text.split(/(?<= )/);
}
