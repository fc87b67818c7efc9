export interface Turn {
  readonly runId: string;
  readonly content: string;
  /** That there were files. */
  readonly files?: readonly KeptFile[];
  /**
   * All that the user has said so far, `content` last, where the caller knows it better than the conversation. When the
   * conversation knows no more and no less of it, its newest question is asked again: the answer takes the old one's
   * place.
   */
  readonly said?: readonly string[];
}

/** What a conversation keeps of a file: not what was in it. */
export interface KeptFile {
  readonly mediaType: string;
  readonly filename?: string;
}

/** One entry of the log. Each carries the title, so that the last one is enough for a list. */
export type Entry = { readonly at: number; readonly title: string } & (
  | Question
  | Answer
  /** The run of an announced question exists, or has existed. */
  | { readonly type: "begun"; readonly runId: string }
  | { readonly type: "title" }
);

interface Question {
  readonly type: "user";
  readonly content: string;
  readonly files?: readonly KeptFile[];
  readonly runId: string;
  /** It counts once its run has begun. */
  readonly announced?: boolean;
  /** The run of the question that is asked again by this one. */
  readonly again?: string;
}

/** What a run has said. */
export interface Answer {
  readonly type: "assistant";
  readonly content: string;
  readonly runId: string;
  /** How it ended, where it was not by itself. */
  readonly status?: "aborted" | "failed";
}

type Said = Extract<Entry, { readonly type: "user" | "assistant" }>;

/**
 * Questions and answers in turns. Answers that were added late stand after their questions; where a question was asked
 * again, the old answer stays until there is a new one.
 */
export function inTurns(entries: readonly Entry[]): readonly Said[] {
  const answers = new Map(entries.flatMap((entry) => (entry.type === "assistant" ? [[entry.runId, entry]] : [])));
  const begun = new Set(entries.flatMap((entry) => (entry.type === "begun" ? [entry.runId] : [])));
  const turns: (readonly [Said, ...Said[]])[] = [];
  for (const entry of entries) {
    if (entry.type !== "user") continue;
    const answer = answers.get(entry.runId);
    if (entry.announced === true && answer === undefined && !begun.has(entry.runId)) continue;
    const before = entry.again === undefined ? -1 : turns.findLastIndex(([{ runId }]) => runId === entry.again);
    const [, ...known] = turns[before] ?? [entry];
    turns.splice(before === -1 ? turns.length : before, 1, [entry, ...(answer ? [answer] : known)]);
  }
  return turns.flat();
}

/** The entry for what the user said. */
export function questionOf(
  entries: readonly Entry[],
  { runId, content, files, said }: Turn,
): Question & { readonly title: string } {
  const again = said && askedAgain(entries, said);
  return {
    type: "user",
    content,
    ...(files === undefined ? {} : { files }),
    runId,
    title: titleOf(entries, content === "" ? (files?.[0]?.filename ?? "") : content),
    ...(again === undefined ? {} : { again }),
  };
}

/** Whether the question counts: its run is there, or was. */
export function isBegun(entries: readonly Entry[], runId: string): boolean {
  return entries.some(
    (entry) => "runId" in entry && entry.runId === runId && (entry.type !== "user" || entry.announced !== true),
  );
}

export function holds(entries: readonly Entry[], type: Entry["type"], runId: string): boolean {
  return entries.some((entry) => entry.type === type && "runId" in entry && entry.runId === runId);
}

const TITLE_LENGTH = 80;

/** The title so far, or that of a conversation that begins with this. */
export function titleOf(entries: readonly Entry[], content: string): string {
  const given = entries.at(-1)?.title;
  if (given !== undefined && given !== "") return given;
  const line = content.trim().split(/\s+/u).join(" ");
  const characters = Array.from(line);
  return characters.length > TITLE_LENGTH ? `${characters.slice(0, TITLE_LENGTH - 1).join("")}…` : line;
}

/** The run of the newest question, when nothing else was said than what the conversation knows. */
function askedAgain(entries: readonly Entry[], said: readonly string[]): string | undefined {
  const questions = inTurns(entries).filter(({ type }) => type === "user");
  const known = questions.map(({ content }) => content);
  // What the conversation never heard of (a question that was taken back, say) tells nothing.
  const knows = new Set(known);
  const heard = said.filter((content) => knows.has(content));
  const same = heard.length === known.length && heard.every((content, index) => content === known[index]);
  return same && said.at(-1) === known.at(-1) ? questions.at(-1)?.runId : undefined;
}
