import { createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { createCodeColouring, type ColouredCode } from "../markdown/code-lines.ts";
import { createHighlighter, type Highlighter } from "../markdown/highlighter.ts";

/** One for the page: all blocks of code share what has been fetched. */
const HighlighterContext = createContext(createHighlighter());

/** The code's lines in pieces, or undefined while its language is not there. Fetches it, once for the page. */
export function useCodeColours(code: string, language: string | undefined): ColouredCode["pieces"] | undefined {
  const highlighter = useContext(HighlighterContext);
  const find = (): ReturnType<Highlighter["tokenizer"]> => highlighter.tokenizer(language);
  const tokenize = useSyncExternalStore(highlighter.subscribe, find, find);
  useEffect(() => highlighter.load(language), [highlighter, language]);

  const colour = useMemo(() => (tokenize === undefined ? undefined : createCodeColouring(tokenize)), [tokenize]);
  const [resting, setResting] = useState("");
  const coloured = useMemo(() => colour?.(code, resting === code), [colour, code, resting]);
  const complete = coloured?.complete ?? true;
  useEffect(() => {
    if (complete) return undefined;
    const timer = setTimeout(() => setResting(code), REST_MS);
    return () => clearTimeout(timer);
  }, [complete, code]);
  return coloured?.pieces;
}

/** When code has not grown for as long, it gets all of its colours. */
const REST_MS = 200;
