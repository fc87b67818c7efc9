import type { RagDocument, RagSearch } from "sluice/llm";

const MANUAL: readonly RagDocument[] = [
  { id: "locks", content: "A lock lifts a boat by letting water into a chamber between two gates." },
  { id: "weirs", content: "A weir keeps the river high enough for boats; keep away from its edge." },
  { id: "tolls", content: "Boats pay a toll at each lock, by length." },
  { id: "alice", content: "Alice has paid her tolls for this year.", metadata: { user_id: "alice" } },
  { id: "bob", content: "Bob owes tolls for two locks.", metadata: { user_id: "bob" } },
];

/** A search by words, where yours asks a database. What belongs to others is left out by `rag` as well. */
export const searchManual: RagSearch = (query, { limit, filters }) => {
  const words = new Set(wordsOf(query));
  return MANUAL.filter(({ metadata }) => !metadata || metadata["user_id"] === filters["user_id"])
    .map((document) => ({ ...document, score: wordsOf(document.content).filter((word) => words.has(word)).length }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, limit);
};

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\p{Letter}{3,}/gu) ?? [];
}
