/**
 * Round after round, every second one backwards: what the machine does in between hits all alike.
 *
 * @param {readonly string[]} names
 * @param {number} rounds
 * @param {(name: string) => Promise<void>} measure
 */
export async function interleave(names, rounds, measure) {
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) await measure(name);
  }
}
