/**
 * Puts what stood there before in the place of what is equal, in place: what has not changed stays the same object.
 * Says whether all of it is equal. Ids are left out: the parser counts them through the text, and nothing shows them.
 */
export function reuse(before: unknown, now: unknown, depth = 0): boolean {
  if (Object.is(before, now)) return true;
  if (!isObject(before) || !isObject(now) || depth > DEEPEST) return false;
  if (Array.isArray(before) && Array.isArray(now)) return reuseItems(before, now, depth + 1);
  const keys = Object.keys(now);
  let isSame = keys.length === Object.keys(before).length;
  for (const key of keys) {
    if (key === "id") continue;
    const old: unknown = Reflect.get(before, key);
    if (!reuse(old, Reflect.get(now, key), depth + 1)) isSame = false;
    else if (isObject(old)) Reflect.set(now, key, old);
  }
  return isSame;
}

/** Deeper than anybody writes, and the stack bears it. */
const DEEPEST = 200;

function reuseItems(before: readonly unknown[], now: unknown[], depth: number): boolean {
  let isSame = before.length === now.length;
  for (let index = 0; index < now.length; index++) {
    if (reuse(before[index], now[index], depth)) now[index] = before[index];
    else isSame = false;
  }
  return isSame;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
