/**
 * The options of a command line, `--name=value`, over their defaults: a number stays a number.
 *
 * @template {Record<string, string | number | boolean>} T
 * @param {T} defaults
 * @returns {T}
 */
export function readOptions(defaults) {
  const given = process.argv.slice(2).map((argument) => {
    const [, name = "", value] = /^--([^=]+)(?:=(.*))?$/.exec(argument) ?? [];
    const fallback = defaults[name];
    if (fallback === undefined) {
      const known = Object.keys(defaults).map((option) => `--${option}=`);
      throw new Error(`${argument} is no option. There are ${known.join(" ")}`);
    }
    if (typeof fallback === "boolean") return [name, value !== "false"];
    return [name, typeof fallback === "number" ? Number(value) : (value ?? "")];
  });
  return { ...defaults, ...Object.fromEntries(given) };
}

/**
 * @param {readonly string[]} names
 * @param {string} only a regular expression; empty means all
 */
export function select(names, only) {
  return names.filter((name) => new RegExp(only).test(name));
}
