import type { ChatAnswer, ChatMessage, ChatQuestion } from "sluice/client";
import { describe, expect, it } from "vitest";
import { addressOf, threadOf } from "../src/page/route.ts";
import { commandFor, SHORTCUTS, type Press } from "../src/page/shortcuts.ts";
import { spokenAnswer, statusWords } from "../src/state/announcement.ts";
import { createDrafts } from "../src/state/drafts.ts";
import { createSettings, SETTINGS_KEY } from "../src/state/settings.ts";
import { titleFrom, turnsOf } from "../src/state/turns.ts";

describe("an address", () => {
  it("names a chat, and comes back from it, whatever the id is", () => {
    for (const id of ["abc", "a b&c=d#e/é"]) expect(threadOf(addressOf(id).slice(1))).toBe(id);
    expect(addressOf(undefined)).toBe("/");
  });

  it("names none where there is no id that a server takes", () => {
    for (const search of ["", "?", "?thread=", `?thread=${"x".repeat(257)}`]) expect(threadOf(search)).toBeUndefined();
  });
});

describe("keys", () => {
  const press = (key: string, some: Partial<Press> = {}): Press => ({
    key,
    code: "",
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    ...some,
  });

  it("are commands with the modifiers of their system", () => {
    expect(commandFor(press("O", { ctrlKey: true, shiftKey: true }))).toBe("new-chat");
    expect(commandFor(press("o", { metaKey: true, shiftKey: true }))).toBe("new-chat");
    expect(commandFor(press("/", { ctrlKey: true }))).toBe("shortcuts");
    expect(commandFor(press("Escape"))).toBe("stop");
    expect(commandFor(press("Escape", { shiftKey: true }))).toBe("focus-composer");
    expect(commandFor(press("ArrowUp", { altKey: true }))).toBe("previous-thread");
    expect(commandFor(press("ArrowDown", { altKey: true }))).toBe("next-thread");
  });

  it("work where the layout has other letters on them", () => {
    expect(commandFor(press("щ", { code: "KeyO", ctrlKey: true, shiftKey: true }))).toBe("new-chat");
  });

  it("are left alone when they write or mean something else", () => {
    for (const key of ["o", "/", "?", "ArrowUp", "Enter"]) expect(commandFor(press(key))).toBeUndefined();
    expect(commandFor(press("o", { ctrlKey: true }))).toBeUndefined();
    expect(commandFor(press("ArrowUp", { altKey: true, shiftKey: true }))).toBeUndefined();
  });

  it("are all listed", () => {
    const said = new Set(SHORTCUTS.map(({ command }) => command));
    expect(said.size).toBe(7);
  });
});

describe("messages in turns", () => {
  it("are a question and its answers; an answer without a question stands alone", () => {
    const [q1, a1, q2] = [question("1"), answer("1a"), question("2")];
    expect(turnsOf([q1, a1, q2])).toEqual([
      { key: "1", question: q1, answers: [a1] },
      { key: "2", question: q2, answers: [] },
    ]);
    expect(turnsOf([a1])).toEqual([{ key: "1a", answers: [a1] }]);
  });

  it("are called by their first words", () => {
    expect(titleFrom("  What\n is  it? ")).toBe("What is it?");
    expect(titleFrom(" ")).toBe("New chat");
    expect(titleFrom("😀".repeat(90))).toBe(`${"😀".repeat(79)}…`);
  });
});

describe("what a screen reader is told", () => {
  const told = (status: "ready" | "submitted" | "streaming" | "error", ...messages: readonly ChatMessage[]): string =>
    statusWords({ status, messages });

  it("is one state at a time", () => {
    expect(told("ready")).toBe("");
    expect(told("submitted", question("1"))).toBe("Answering");
    expect(told("streaming", question("1"), answer("a"))).toBe("Answering");
    expect(told("ready", question("1"), answer("a", "finished"))).toBe("Answer complete");
    expect(told("ready", question("1"), answer("a", "aborted"))).toBe("Answer ended early");
    expect(told("error", question("1"))).toBe("The answer failed");
  });

  it("is the text of a short answer, without its marks", () => {
    const content =
      "## About **canals**\n\n- they [carry](https://x.test) boats\n- `locks` lift\n\n```js\nlet a;\n```\nEnd.";
    expect(spokenAnswer({ content })).toBe("About canals they carry boats locks lift (code) End.");
  });

  // Who listens was told "2 3 = 6" for "2 * 3 = 6", and "maxruns" for the name `max_runs`.
  it("keeps the signs that are no marks", () => {
    const content = "**Set** `max_runs` to 2 * 3 = 6, _now_.\n\n***\n\nAnd ***all*** of | it |";
    expect(spokenAnswer({ content })).toBe("Set max_runs to 2 * 3 = 6, now. And all of it");
  });

  // "2 ** 3 = 8" was read out as "2 3 = 8", and `MAX__RUNS` as one word.
  it("keeps those that come in twos, too", () => {
    const content = "__All__: 2 ** 3 = 8, MAX__RUNS, **a**, ****";
    expect(spokenAnswer({ content })).toBe("All: 2 ** 3 = 8, MAX__RUNS, a,");
  });

  it("is the beginning of a long one, up to the end of a sentence, and how much more there is", () => {
    const spoken = spokenAnswer({ content: "One two three four five. ".repeat(100) });
    expect(spoken).toMatch(/five\. And \d+ more words\.$/u);
    expect(spoken.length).toBeLessThan(640);
    const said = spoken.split(" And ")[0]?.split(" ").length ?? 0;
    expect(spoken).toContain(`And ${500 - said} more words.`);
  });
});

describe("choices on this device", () => {
  it("are there again for the next page", () => {
    const storage = memory();
    createSettings(storage).change({ theme: "dark", model: "m", dialect: "simple", sidebar: false });
    expect(createSettings(storage).getSnapshot()).toEqual({
      theme: "dark",
      model: "m",
      dialect: "simple",
      wirePanel: false,
      sidebar: false,
    });
  });

  it("are the defaults where what was kept is damaged, or nothing can be kept", () => {
    const defaults = { theme: "system", dialect: "ai-sdk", wirePanel: false, sidebar: true };
    for (const kept of ["", "{", "[]", `{"theme":"pink","dialect":7,"model":1}`]) {
      const storage = memory();
      storage.setItem(SETTINGS_KEY, kept);
      expect(createSettings(storage).getSnapshot()).toEqual(defaults);
    }
    const settings = createSettings(undefined);
    settings.change({ theme: "light" });
    expect(settings.getSnapshot().theme).toBe("light");
  });
});

describe("a draft", () => {
  it("belongs to its chat and is there after a reload, until it is sent", () => {
    const storage = memory();
    const drafts = createDrafts(storage);
    drafts.set("a", "half a");
    drafts.set(undefined, "half new");
    const reloaded = createDrafts(storage);
    expect([reloaded.get("a"), reloaded.get(undefined), reloaded.get("b")]).toEqual(["half a", "half new", ""]);
    reloaded.set("a", "");
    expect(createDrafts(storage).get("a")).toBe("");
  });

  it("lasts as long as the page where nothing can be kept", () => {
    const full = { ...memory(), setItem: () => fail() };
    const drafts = createDrafts(full);
    drafts.set("a", "half");
    expect(drafts.get("a")).toBe("half");
  });
});

function question(id: string): ChatQuestion {
  return { id, role: "user", parts: [], content: "", status: "sent" };
}

function answer(id: string, status: ChatAnswer["status"] = "streaming"): ChatAnswer {
  return { id, role: "assistant", parts: [], content: "", status };
}

function memory() {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  };
}

function fail(): never {
  throw new DOMException("full", "QuotaExceededError");
}
