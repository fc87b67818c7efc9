// What the sections of the report share.

/** Ours stand out. @param {string} name */
export function nameOf(name) {
  return name.startsWith("sluice") ? `**${name}**` : name;
}

/** @param {number | undefined} of @param {number | undefined} to */
export function times(of, to) {
  return of === undefined || to === undefined ? "-" : (of / to).toFixed(2);
}

/** @param {any} result */
export function circumstances({ machine, at }) {
  return `${at.slice(0, 10)}, ${machine}.`;
}
