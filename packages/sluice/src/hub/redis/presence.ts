/** Tells Redis of some names. Answers false when it knew nothing of this node, or no more. */
export type Tell = (total: number, names: readonly (readonly [who: string, connections: number])[]) => Promise<boolean>;

const NAMES_PER_CALL = 500;

/** Who is connected to one topic on this node, as far as Redis is to know it. */
export class Presence {
  readonly #names = new Map<string, number>();
  readonly #changed = new Set<string>();

  /** Connections of this node. */
  get total(): number {
    let total = 0;
    for (const connections of this.#names.values()) total += connections;
    return total;
  }

  set(who: string, connections: number): void {
    if (connections > 0) this.#names.set(who, connections);
    else this.#names.delete(who);
    this.#changed.add(who);
  }

  /** Nobody is there any more. */
  clear(): void {
    for (const who of this.#names.keys()) this.#changed.add(who);
    this.#names.clear();
  }

  /** Everything was told: those who came together go in one call. */
  get isTold(): boolean {
    return this.#changed.size === 0;
  }

  /** What has changed, or all of it where Redis has lost it; at the least it renews. */
  async tell(tell: Tell): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    let telling = changed;
    try {
      if (await this.#tellOf(changed, tell)) return;
      const told = new Set(changed);
      telling = [...this.#names.keys()].filter((who) => !told.has(who));
      if (telling.length > 0) await this.#tellOf(telling, tell);
    } catch (error) {
      for (const who of telling) this.#changed.add(who); // with the next renewal
      throw error;
    }
  }

  async #tellOf(names: readonly string[], tell: Tell): Promise<boolean> {
    let known = true;
    for (let start = 0; start === 0 || start < names.length; start += NAMES_PER_CALL) {
      const part = names.slice(start, start + NAMES_PER_CALL);
      const told = await tell(
        this.total,
        part.map((who) => [who, this.#names.get(who) ?? 0]),
      );
      if (start === 0) known = told;
    }
    return known;
  }
}
