interface Node<T> {
  readonly item: T;
  next: Node<T> | undefined;
}

/**
 * First in, first out, at the same cost whatever the length, which `Array.shift` does not have.
 * The first has a place of its own: where one at a time waits, which is the usual, nothing is allocated. It is held on to
 * until another takes the place.
 */
export class Queue<T> {
  size = 0;
  #first!: T;
  #second: Node<T> | undefined;
  #last: Node<T> | undefined;

  push(item: T): void {
    if (this.size === 0) this.#first = item;
    else {
      const node = { item, next: undefined };
      if (this.#last === undefined) this.#second = node;
      else this.#last.next = node;
      this.#last = node;
    }
    this.size += 1;
  }

  /** What `take` would take. Only while `size` is not 0: `undefined` is an item too. */
  peek(): T {
    if (this.size === 0) throw new RangeError("The queue is empty.");
    return this.#first;
  }

  /** Only while `size` is not 0. */
  take(): T {
    const item = this.peek();
    const second = this.#second;
    if (second !== undefined) {
      this.#first = second.item;
      this.#second = second.next;
      if (this.#second === undefined) this.#last = undefined;
    }
    this.size -= 1;
    return item;
  }

  clear(): void {
    this.size = 0;
    this.#second = undefined;
    this.#last = undefined;
  }
}
