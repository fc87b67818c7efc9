// What a model might say, from a seed: every run measures the same bytes.

/** @param {number} count @returns {string[]} text as a model cuts it, most of it words */
export function tokens(count, { seed = 42, unicode = 0.01 } = {}) {
  const random = randomOf(seed);
  const pick = (/** @type {readonly string[]} */ list, skew = 1) =>
    list[Math.floor(list.length * random() ** skew)] ?? "";
  return Array.from({ length: count }, () => {
    const kind = random();
    if (kind < unicode) return pick(FOREIGN);
    if (kind < 0.16) return pick(PUNCTUATION);
    if (kind < 0.2) return String(Math.floor(random() * 1_000));
    if (kind < 0.24) return pick(LONG_WORDS).slice(0, 1 + Math.floor(random() * 6));
    return ` ${kind < 0.32 ? pick(LONG_WORDS) : pick(WORDS, 2)}`;
  });
}

/** @param {number} count @returns {string[]} chunks of OpenAI's chat API, about 260 bytes of JSON each */
export function openaiChunks(count, { seed = 42, unicode = 0.01 } = {}) {
  const random = randomOf(seed + 1);
  const name = () => Array.from({ length: 29 }, () => Math.floor(random() * 36).toString(36)).join("");
  let id = "";
  return tokens(count, { seed, unicode }).map((content, index) => {
    if (index % 500 === 0) id = `chatcmpl-${name()}`;
    return JSON.stringify({
      id,
      object: "chat.completion.chunk",
      created: 1_735_689_600,
      model: "gpt-4o-2024-08-06",
      service_tier: "default",
      system_fingerprint: "fp_50cad350e4",
      choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }],
    });
  });
}

/** @param {number} length @returns {string} one line */
export function line(length, seed = 9) {
  const words = tokens(length, { seed, unicode: 0 });
  return words.join("").replaceAll("\n", " ").slice(0, length);
}

const WORDS = (
  "the of and to a in is that it for was on are as with they be at one have this from or had by not word but what some " +
  "we can out other were all there when up use your how said an each she which do their time if will way about many " +
  "then them write would like so these her long make thing see him two has look more day could go come did number"
).split(" ");
const LONG_WORDS = (
  "function stream server token response buffer latency throughput parser event client request model context window " +
  "asynchronous chunk memory kernel socket header payload schema index replica commit offset cursor backoff timeout"
).split(" ");
const PUNCTUATION = [",", ".", ".", ",", "\n", "\n\n", ":", " (", ")", " `", "`", "**", " -", "'s", '"', "}", ";", "?"];
const FOREIGN = ["’s", "“", "”", "—", "é", " naïve", " café", "日本", "語", "你好", " мир", "🙂", " ≤", " →", "ü"];

/** @param {number} seed */
function randomOf(seed) {
  let state = seed | 1;
  // xorshift: three shifts, a period of 2^32 - 1.
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}
