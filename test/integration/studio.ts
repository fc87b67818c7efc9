import type { BrowserContext, Locator, Page } from "playwright-core";
import { createMemoryLog } from "sluice/log";
import { startFaultProxy, startOpenAIServer, tokenStream, type FaultProxy } from "sluice/testing";
import { expect, vi } from "vitest";
import { parseConfig } from "../../apps/gateway/src/config.ts";
import { startGateway } from "../../apps/gateway/src/gateway.ts";
import { createHeldSource, type HeldModel, type HeldSource } from "./held-model.ts";

export const PATIENCE = { timeout: 30_000, interval: 20 };

/** The gateway with the built studio, behind a proxy that breaks when told to. */
export interface Site {
  /** Of the proxy: where people go. */
  readonly url: string;
  readonly proxy: FaultProxy;
  /** What the gateway's model answers to questions with these words in them. */
  hold(question: string): HeldModel;
  /** One number of the gateway's own /metrics. */
  metric(name: string): Promise<number>;
  close(): Promise<void>;
}

/** @param options.demo the demo model answers, and nothing is held */
export async function startSite(options: { readonly demo?: boolean } = {}): Promise<Site> {
  const provider = await startProvider();
  const config = parseConfig({ PORT: "0", ...(options.demo ? {} : { OPENAI_BASE_URL: provider.url }) });
  const gateway = await startGateway(config, { store: createMemoryLog(), log: () => {} });
  const proxy = await startFaultProxy({ target: { port: Number(new URL(gateway.url).port) } });
  return {
    url: proxy.url,
    proxy,
    hold: provider.hold,
    async metric(name) {
      const page = await (await fetch(`${gateway.url}/metrics`)).text();
      const value = new RegExp(`^${name} (\\S+)$`, "m").exec(page)?.[1];
      if (value === undefined) throw new Error(`There is no metric ${name}.`);
      return Number(value);
    },
    async close() {
      await proxy.close();
      await gateway.close(AbortSignal.abort());
      await provider.close();
    },
  };
}

/** What answers the gateway's questions: an OpenAI server with a model that the test holds. */
export interface Provider extends Pick<Site, "hold"> {
  /** For `OPENAI_BASE_URL`. */
  readonly url: string;
  close(): Promise<void>;
}

export async function startProvider(): Promise<Provider> {
  const held = new Map<string, HeldSource>();
  const server = await startOpenAIServer({
    async *script({ body }) {
      const messages = body["messages"] as readonly { readonly content: string }[];
      const asked = messages.at(-1)?.content ?? "";
      const [, source] = [...held].find(([question]) => asked.includes(question)) ?? [];
      if (source) for await (const text of source.open()) yield { type: "text", text };
      yield { type: "finish" };
    },
  });
  return {
    url: server.url,
    close: server.close,
    hold(question) {
      const source = createHeldSource();
      held.set(question, source);
      return source;
    },
  };
}

export interface Run {
  readonly id: string;
  readonly status: string;
}

export interface RunView extends Run {
  readonly message: { readonly parts: readonly { readonly type: string; readonly text?: string }[] };
}

/** A tab with the studio, and what a person does and sees in it. */
export interface Tab {
  readonly page: Page;
  readonly question: Locator;
  readonly answer: Locator;
  ask(text: string): Promise<void>;
  stop(): Promise<void>;
  untilStatus(status: string, of?: Locator): Promise<void>;
  /** The last answer has these words in it. */
  untilShown(words: string): Promise<void>;
  /** What its button copies of the last answer: the text as it was written, without white space around it. */
  copy(): Promise<string>;
  /** What the person has asked for, as the gateway tells it, newest first. */
  runs(): Promise<readonly Run[]>;
  run(id: string): Promise<RunView>;
}

/** @param address of a chat of theirs, or of the site */
export async function openTab(context: BrowserContext, address: string): Promise<Tab> {
  const page = await context.newPage();
  await page.addInitScript(keepCopies);
  const response = await page.goto(address);
  expect([200, 304], "apps/studio is not built: npm run build").toContain(response?.status());
  return tabOf(page);
}

function tabOf(page: Page): Tab {
  const log = page.getByRole("log");
  const answer = log.locator('[data-role="assistant"]');
  return {
    page,
    answer,
    question: log.locator('[data-role="user"]'),
    // By the keys, and not by Playwright's own `fill` and `click`. In Firefox those wait for ever once a page has come back
    // from the cache, and `fill` changes the box behind React's back.
    async ask(text) {
      await page.evaluate(() => document.querySelector("textarea")?.focus());
      await page.keyboard.type(text);
      await page.keyboard.press("Enter");
    },
    stop: () => page.getByRole("button", { name: "Stop" }).click(),
    async untilStatus(status, of = answer) {
      try {
        await vi.waitFor(async () => expect(await of.getAttribute("data-status", SOON)).toBe(status), PATIENCE);
      } catch (cause) {
        const shown = await page.evaluate(() => `${document.readyState} ${location.href}\n${document.body.innerText}`);
        throw new Error(`The answer is not ${status}. The page: ${shown.slice(0, 2_000)}`, { cause });
      }
    },
    async untilShown(words) {
      await vi.waitFor(async () => expect(await answer.last().innerText(SOON)).toContain(words), PATIENCE);
    },
    async copy() {
      const found = await page.evaluate(() => {
        delete (window as CopyWindow).copied;
        const buttons = document.querySelectorAll<HTMLElement>('[role="log"] [aria-label="Copy answer"]');
        [...buttons].at(-1)?.click();
        return buttons.length;
      });
      expect(found, "An answer that is over has no button to copy it.").toBeGreaterThan(0);
      return vi.waitFor(async () => {
        const copied = await page.evaluate(() => (window as CopyWindow).copied);
        if (copied === undefined) throw new Error("Nothing was copied.");
        return copied;
      }, PATIENCE);
    },
    runs: () =>
      page.evaluate(async () => {
        const { runs } = (await (await fetch("/runs")).json()) as { readonly runs: readonly Run[] };
        return runs;
      }),
    run: (id) => page.evaluate(async (path) => (await (await fetch(path)).json()) as RunView, `/runs/${id}`),
  };
}

/** So that a look which finds nothing yet does not wait as long as the whole test may. */
const SOON = { timeout: 5_000 };

type CopyWindow = Window & { copied?: string };

/** In the page: a headless browser has no clipboard that both browsers let a test read. */
function keepCopies(): void {
  const writeText = (text: string): Promise<void> => {
    (window as CopyWindow).copied = text;
    return Promise.resolve();
  };
  Object.defineProperty(navigator, "clipboard", { value: { writeText } });
}

/** An answer of which one half is there, and the other half is not said yet. */
export interface Middle {
  readonly model: HeldModel;
  /** Says the other half. */
  finish(): Promise<void>;
}

let asked = 0;

export async function askInto(tab: Tab, { hold }: Pick<Site, "hold">): Promise<Middle> {
  asked += 1;
  const seed = asked;
  const question = `question ${seed}.`;
  const model = hold(question);
  model.say(...(await textsOf(`${seed} first half`)), ` HALF ${seed}`);
  await tab.ask(`This is ${question}`);
  await tab.untilShown(`HALF ${seed}`);
  expect(await tab.answer.last().getAttribute("data-status")).toBe("streaming");
  return {
    model,
    async finish() {
      model.say(...(await textsOf(`${seed} second half`)));
      model.end();
    },
  };
}

/** Tokens that break what is broken: text that looks like events or Markdown, characters in several pieces. */
export async function textsOf(seed: string, count = 300): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const { text } of tokenStream({ count, delayMs: 0, seed })) texts.push(text);
  return texts;
}

/** The only answer of a person is what the gateway has of it, to the byte, and was asked for once. */
export async function expectWhole(tab: Tab, status: string): Promise<void> {
  const runs = await tab.runs();
  expect(runs).toMatchObject([{ status }]);
  const { message } = await tab.run(runs[0]?.id ?? "");
  const texts = message.parts.filter(({ type }) => type === "text");
  expect(texts).toHaveLength(1);
  expect(await tab.copy()).toBe(texts[0]?.text?.trim());
  expect([await tab.question.count(), await tab.answer.count()]).toEqual([1, 1]);
}
