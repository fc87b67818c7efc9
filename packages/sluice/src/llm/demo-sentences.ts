import type { NonEmpty } from "./demo-random.ts";
import type { Subject } from "./demo-words.ts";

/** What a sentence may speak of. `topic` is quoted, ready for Markdown. */
export interface Scene extends Subject {
  readonly topic: string;
  readonly quality: string;
  readonly count: number;
}

export type Sentence = (scene: Scene) => string;

/** Under 24 words each, the topic apart. */
export const SENTENCES: NonEmpty<Sentence> = [
  (s) => `${capital(s.name)} ${s.does}, whether or not anyone is watching.`,
  (s) => `Ask ${s.who} about the ${s.parts} and you will hear a story before you hear an answer.`,
  (s) => `The first thing to notice about ${s.one} is how ${s.quality} it is.`,
  (s) => `Most of the work happens in the ${s.parts}, where hardly anybody looks.`,
  (s) => `There is a ${s.quality} pleasure in watching ${s.name} ${s.does}.`,
  (s) => `${capital(s.one)} with too many ${s.parts} is hard to love, and one with too few is hard to trust.`,
  (s) => `No two ${s.parts} are quite alike, and that is worth a second look.`,
  (s) => `Begin with one ${s.part}, and widen the view from there.`,
  (s) => `Nothing about ${s.name} is urgent; they are older than every deadline.`,
  (s) => `Whoever says that ${s.name} are simple has never asked ${s.who}.`,
  (s) => `On a **${s.quality}** day you can count ${s.count} ${s.parts} without getting up.`,
  (s) => `Some say that ${s.name} ${s.does} out of habit; ${s.who} would call it manners.`,
  (s) => `Take away one ${s.part} and the rest will quietly learn to do without it.`,
  (s) => `It took ${s.count} years to agree on what a good ${s.part} looks like.`,
  (s) => `The **${s.quality}** ones are seldom the famous ones.`,
  (s) => `A child will ask why ${s.name} ${s.does}, and the honest answer is rather long.`,
  (s) => `When ${s.who} retires, it is the ${s.parts} that are missed.`,
  (s) => `You learn more from one ${s.quality} afternoon with ${s.one} than from ${s.count} pictures of it.`,
  (s) => `Every ${s.part} was somebody's idea once, and somebody's mistake before that.`,
  (s) => `If you have only an hour, spend it on the ${s.parts}.`,
  (s) => `The old advice is to trust ${s.name} and to check the ${s.parts}.`,
  (s) => `Out of ${s.count} visitors, one comes back and asks about the ${s.parts}.`,
  (s) => `What looks like an accident is usually a ${s.quality} kind of plan.`,
  (s) => `In winter, ${s.name} seem to hold their breath; in spring, they go on as before.`,
  (s) => `One ${s.part} at a time is slow, but it is the only speed that lasts.`,
  (s) => `There are ${s.count} words for a worn ${s.part}, and ${s.who} knows them all.`,
  (s) => `Not everything about ${s.one} can be explained, and not everything needs to be.`,
  (s) => `Give ${s.one} a little time and it will show you its ${s.quality} side.`,
  (s) => `Between two ${s.parts} there is always room for a thought.`,
  (s) => `A ${s.quality} mind and ${s.one} have this in common: both reward those who wait.`,
  (s) => `It is said that ${s.who} can tell the season by the ${s.parts} alone.`,
  (s) => `The rest is practice, good light and ${s.count} cups of tea.`,
  (s) => `Seen from far away, ${s.topic} and ${s.name} have more in common than you would think.`,
  (s) => `If ${s.topic} were ${s.one}, this would be one of its ${s.parts}.`,
  (s) => `Keep ${s.topic} in mind here; the example is closer to it than it looks.`,
  () => "Each piece of this answer is stored before you see it, so a reload costs nothing.",
  () => "Close the tab and come back: reading goes on after the last offset that arrived, say `212`.",
  () => "A slow reader holds nobody up, because every reader pulls at a pace of its own.",
  () => "Press *Stop* and the model hears of it at once; what is written stays readable.",
  () => "If the connection breaks right here, the next one begins with the next word.",
];

export const HEADINGS: NonEmpty<Sentence> = [
  (s) => `A short walk among ${s.name}`,
  (s) => `What ${s.who} knows`,
  (s) => `How ${s.name} stay ${s.quality}`,
  (s) => `Why the ${s.parts} matter`,
  (s) => `${capital(s.name)}, seen from nearby`,
  (s) => `Notes on ${s.one}`,
  (s) => `The ${s.quality} side of ${s.name}`,
  (s) => `Questions for ${s.who}`,
  (s) => `From one ${s.part} to the next`,
  (s) => `${capital(s.count > 40 ? s.name : s.parts)} and patience`,
];

export const THOUGHTS: NonEmpty<Sentence> = [
  (s) => `The question is about ${s.topic}, so I should say early that I am only a demo.`,
  (s) => `An example would help; ${s.name} might do, since they ${s.does}.`,
  (s) => `Would ${s.who} agree with that? Probably, after a pause.`,
  (s) => `Let me think about the ${s.parts} first and about the whole later.`,
  (s) => `I could mention ${s.count} things here, but two or three will be enough.`,
  (s) => `The tone should be ${s.quality}, and the sentences short.`,
  () => `A table may be clearer than prose at this point.`,
  (s) => `Maybe ${s.one} is a better picture than the one I had before.`,
  (s) => `I must not forget to come back to ${s.topic} at the end.`,
  () => `That is a claim I cannot check, so I will leave it out.`,
  (s) => `Wait, a single ${s.part} does not prove much; it still makes a good story.`,
  () => `Someone may read this on a slow train, so the order has to make sense from any point.`,
];

/** A first sentence of as many words as its place, for the shortest answers; the last one is for all others. */
export const OPENINGS: NonEmpty<string> = [
  "",
  "Demo.",
  "Demo model.",
  "Demo, no LLM.",
  "Demo: no language model.",
  "Demo model: no language model.",
  "Just a demo: no language model.",
  "A demo only: no language model answers.",
  "This is a demo: no language model answers.",
  "A demo model: no language model is behind it.",
  "A demo model speaks: no language model is behind it.",
  "This is Sluice's demo model: no language model is behind it.",
];

/** A sentence of exactly as many words as its place: with these an answer ends on the word that was asked for. */
export const CLOSINGS: NonEmpty<string> = [
  "",
  "Enough.",
  "That's all.",
  "Thanks for reading.",
  "Until the next question.",
  "And that was the answer.",
  "Ask again, and I shall repeat.",
  "Thank you for reading all of this.",
  "Try pulling the plug while an answer streams.",
  "Everything you read here was written without a model.",
  "The same prompt will always give you this same answer.",
  "Reload the page now, and nothing of this will be lost.",
  "Open a second tab and you will see the same answer there.",
];

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
