import type { NonEmpty } from "./demo-random.ts";

/** Something to write a section about. */
export interface Subject {
  readonly one: string;
  readonly name: string;
  /** What they do, after the name or after "watching" it. */
  readonly does: string;
  readonly part: string;
  readonly parts: string;
  readonly who: string;
}

export const SUBJECTS: NonEmpty<Subject> = [
  subject("a river", "rivers", "carry rain to the sea", "bend", "bends", "a ferryman"),
  subject("a bridge", "bridges", "hold two banks together", "arch", "arches", "a stonemason"),
  subject("a garden", "gardens", "turn rain into colour", "path", "paths", "a gardener"),
  subject("a lighthouse", "lighthouses", "repeat one word to the dark", "lens", "lenses", "a keeper"),
  subject("a library", "libraries", "keep their voices down", "shelf", "shelves", "a librarian"),
  subject("a map", "maps", "fold the world into a pocket", "margin", "margins", "a surveyor"),
  subject("a clock", "clocks", "divide the day among us", "wheel", "wheels", "a watchmaker"),
  subject("a loaf of bread", "loaves of bread", "rise while we sleep", "crust", "crusts", "a baker"),
  subject("a train", "trains", "sew the towns together", "carriage", "carriages", "a conductor"),
  subject("a harbour", "harbours", "wait for everyone", "pier", "piers", "a harbour pilot"),
  subject("a forest", "forests", "breathe out for the rest of us", "clearing", "clearings", "a forester"),
  subject("a letter", "letters", "arrive later than the news", "line", "lines", "a postwoman"),
  subject("a market", "markets", "wake before the streets do", "stall", "stalls", "a grocer"),
  subject("a violin", "violins", "remember the room they learned in", "string", "strings", "a violin maker"),
  subject("a kite", "kites", "ask the wind for directions", "knot", "knots", "a kite maker"),
  subject("a well", "wells", "give back what the winter left", "ring", "rings", "a well digger"),
  subject("a telescope", "telescopes", "collect very old light", "mirror", "mirrors", "an astronomer"),
  subject("a mountain", "mountains", "make their own weather", "ridge", "ridges", "a mountain guide"),
  subject("a kitchen", "kitchens", "turn guests into friends", "drawer", "drawers", "a cook"),
  subject("a dictionary", "dictionaries", "settle quarrels politely", "entry", "entries", "a lexicographer"),
];

export const QUALITIES: NonEmpty<string> = [
  "patient",
  "generous",
  "stubborn",
  "quiet",
  "orderly",
  "curious",
  "modest",
  "reliable",
  "cheerful",
  "careful",
  "unhurried",
  "surprising",
  "sturdy",
  "delicate",
];

export const REMARKS: NonEmpty<string> = [
  "they tell you where to look next",
  "worth a second visit in the evening",
  "easily missed on the way home",
  "best seen from the other side",
  "older than anyone remembers",
  "the part that children notice first",
  "where the repairs usually begin",
  "never twice the same",
  "better in the rain, oddly enough",
  "the reason why people come back",
];

export const STEPS: NonEmpty<string> = [
  "Sit with it for ten minutes and write nothing.",
  "Draw what you see, however badly.",
  "Ask somebody who disagrees with you.",
  "Change one thing, and only one.",
  "Come back tomorrow at the same hour.",
  "Throw away the first idea and keep the second.",
  "Count the parts, then count them again.",
  "Explain it aloud to an empty chair.",
  "Give the result to a friend.",
];

/** Letters followed by combining marks: a reader that counts or cuts by code unit shows these wrong. */
export const COMBINING_STEPS: NonEmpty<string> = [
  "Read your notes again in a *cafe\u0301*.",
  "Put one line of it into your *re\u0301sume\u0301*.",
  "Allow yourself one *nai\u0308ve* question.",
  "Measure again, this time in *a\u030angstro\u0308ms*.",
  "Leave the rest for *man\u0303ana*.",
];

export const HINDI_ITEMS: NonEmpty<string> = [
  "**धीरे-धीरे** is Hindi for *slowly, slowly*, and good advice",
  "**नदी** is the Hindi word for a river",
  "**धन्यवाद** means *thank you*, should anyone help",
  "**नमस्ते** is how the day is greeted in Hindi",
  "**किताब** is Hindi for a book, and for a good afternoon",
];

/** Family, profession, skin tone and flag sequences: several code points each, shown as one picture. */
export const EMOJI: NonEmpty<string> = ["👩‍🚀", "👨‍👩‍👧‍👦", "🧑🏽‍🌾", "👩🏾‍💻", "🏳️‍🌈", "👩‍❤️‍👨", "🧑‍🤝‍🧑", "🐻‍❄️"];

export const JAPANESE: NonEmpty<readonly [english: string, japanese: string]> = [
  ["river", "川（かわ）"],
  ["bridge", "橋（はし）"],
  ["garden", "庭（にわ）"],
  ["tea", "お茶（おちゃ）"],
  ["book", "本（ほん）"],
  ["letter", "手紙（てがみ）"],
  ["lighthouse", "灯台（とうだい）"],
  ["train", "電車（でんしゃ）"],
  ["mountain", "山（やま）"],
  ["clock", "時計（とけい）"],
];

export const JAPANESE_DAYS: NonEmpty<string> = ["月曜日", "火曜日", "水曜日", "木曜日", "金曜日", "土曜日", "日曜日"];

export const ARABIC: NonEmpty<readonly [arabic: string, english: string]> = [
  ["الصبر مفتاح الفرج", "Patience is the key to relief"],
  ["العلم نور", "Knowledge is light"],
  ["خير الأمور أوسطها", "The best of things lies in the middle"],
  ["القناعة كنز لا يفنى", "Contentment is a treasure that never runs out"],
  ["في التأني السلامة وفي العجلة الندامة", "In care there is safety, in haste there is regret"],
];

function subject(one: string, name: string, does: string, part: string, parts: string, who: string): Subject {
  return { one, name, does, part, parts, who };
}
