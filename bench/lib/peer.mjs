/**
 * A package that is installed for the benches only. Its name is no literal: the repository is checked and tested
 * without these packages.
 *
 * @param {string} name
 * @returns {Promise<any>}
 */
export async function peer(name) {
  try {
    return await import(name);
  } catch (cause) {
    throw new Error(`${name} is missing: npm install --prefix bench`, { cause });
  }
}
