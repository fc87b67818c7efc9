import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock, type Clock } from "../../../src/base/clock.ts";
import { fold, textOf, type Message, type RunEvent } from "../../../src/chat/index.ts";
import { createChat, type Chat, type ChatAnswer } from "../../../src/client/index.ts";
import { startFaultProxy, type Cut, type FaultProxy } from "../../../src/testing/fault-proxy.ts";
import { legalRun } from "../../chat/legal-runs.ts";
import { startNodeSite, type NodeSite } from "../../http/support.ts";
import { createFakeBrowser, type FakeBrowser, type FakeTab } from "./fake-browser.ts";
import { noDelay } from "./support.ts";

// Waits are not what is tested: all are over at once, but for those for a heartbeat, which do not come.
const impatient: Clock = {
  now: systemClock.now,
  timer: (ms, run) => (ms > 20_000 ? () => {} : systemClock.timer(ms >= 5_000 ? 50 : 0, run)),
};

/** What happens to the tabs while the answer comes, one thing after so many of its events. */
interface Fate {
  readonly after: number;
  readonly what:
    | "kill the leader"
    | "reload the leader"
    | "reload another"
    | "freeze the leader"
    | "thaw"
    | "join"
    | "leave";
  readonly pick: number;
}

interface Scenario {
  readonly events: readonly RunEvent[];
  readonly cuts: readonly Cut[];
  readonly tabs: number;
  readonly fates: readonly Fate[];
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  events: legalRun(),
  cuts: fc.array(
    fc.record({
      afterBytes: fc.oneof(fc.nat(1_500), fc.nat(6_000)),
      by: fc.constantFrom<Cut["by"]>("reset", "fin"),
    }),
    { maxLength: 5 },
  ),
  tabs: fc.integer({ min: 1, max: 4 }),
  fates: fc.array(
    fc.record({
      after: fc.nat(60),
      what: fc.constantFrom<Fate["what"]>(
        "kill the leader",
        "reload the leader",
        "reload another",
        "freeze the leader",
        "thaw",
        "join",
        "leave",
      ),
      pick: fc.nat(9),
    }),
    { maxLength: 6 },
  ),
});

// Promise 2, as people meet it: whatever happens to connections and tabs, who looks at the end sees the run's message.
describe("an answer in several tabs, whose connections are cut and which are closed, killed and reloaded", () => {
  let site: NodeSite;
  let proxy: FaultProxy;
  let current: { readonly scenario: Scenario; readonly live: (step: number) => Promise<void> } | undefined;
  let calls = 0;

  beforeAll(async () => {
    site = await startNodeSite({
      retryMs: 0,
      answer: () =>
        async function* () {
          calls += 1;
          const told = current;
          let step = 0;
          for (const event of told?.scenario.events ?? []) {
            await told?.live(step++);
            yield event;
          }
        },
    });
    proxy = await startFaultProxy({ target: { port: site.port } });
  });
  afterAll(async () => {
    await proxy.close();
    await site.close();
  });

  it("is the run's message, byte for byte, in every tab that is left", { timeout: 120_000 }, async () => {
    const check = async (given: Scenario): Promise<void> => {
      const before = calls;
      const first = proxy.connections;
      proxy.setPlan((connection) => {
        const cut = given.cuts[connection - first];
        return cut && { cut };
      });
      const world = createWorld(`${proxy.url}/stream`, `thread ${before}`);
      current = { scenario: given, live: (step) => world.live(given.fates.filter(({ after }) => after === step)) };
      for (let count = 0; count < given.tabs; count += 1) world.join();
      world.pages[0]?.chat.send("Why?");
      await world.end();
      const messages = world.pages.map(({ chat }) => messageOf(chat));
      const runId = answerOf(world.pages[0]?.chat)?.runId ?? "";
      const run = (await (await site.fetch(`/runs/${runId}`)).json()) as { readonly message: Message };
      for (const message of messages) expect(message).toBe(JSON.stringify(run.message));
      expect(textOf(run.message)).toBe(textOf(fold(given.events)));
      expect(calls - before).toBe(1);
      for (const { chat } of world.pages) chat.close();
    };
    // One that hangs takes its time: it is not made smaller.
    await fc.assert(fc.asyncProperty(scenario, check), { numRuns: 40, endOnFailure: true });
  });
});

interface World {
  readonly pages: readonly { readonly chat: Chat; readonly tab: FakeTab }[];
  join(): void;
  live(fates: readonly Fate[]): Promise<void>;
  /** Resolves when all that are left have the answer. */
  end(): Promise<void>;
}

function createWorld(url: string, threadId: string): World {
  const browser: FakeBrowser = createFakeBrowser();
  let pages: { readonly chat: Chat; readonly tab: FakeTab }[] = [];
  const frozen = new Set<FakeTab>();

  const open = (tab: FakeTab): void => {
    const chat = createChat({
      url,
      threadId,
      load: true,
      fetch: tab.wrapFetch(globalThis.fetch),
      clock: tab.wrapClock(impatient),
      random: noDelay,
      nextFrame: tab.nextFrame,
      page: tab.page,
      tabs: tab.tabs,
      storage: tab.storage,
    });
    chat.subscribe(() => {});
    pages.push({ chat, tab });
  };
  const leader = (): FakeTab | undefined =>
    browser.holder(pages[0]?.chat.getSnapshot().messages.at(-1)?.requestId ?? "?");
  const remove = (tab: FakeTab): void => {
    pages = pages.filter((page) => page.tab !== tab);
    frozen.delete(tab);
  };
  const reload = (tab: FakeTab | undefined): void => {
    if (!tab || frozen.has(tab)) return;
    pages.find((page) => page.tab === tab)?.chat.save();
    tab.kill();
    remove(tab);
    open(browser.openTab(tab));
  };
  const act = ({ what, pick }: Fate): void => {
    const leading = leader();
    const picked = pages[pick % Math.max(1, pages.length)];
    switch (what) {
      case "kill the leader":
        if (pages.length < 2 || !leading) return;
        leading.kill();
        return remove(leading);
      case "reload the leader":
        return reload(leading);
      case "reload another":
        return reload(picked?.tab);
      case "freeze the leader":
        if (leading && pages.length - frozen.size > 1) frozen.add(leading);
        return leading && frozen.has(leading) ? leading.freeze() : undefined;
      case "thaw":
        for (const tab of frozen) tab.thaw();
        return frozen.clear();
      case "join":
        return open(browser.openTab());
      case "leave":
        if (pages.length < 2 || !picked || frozen.has(picked.tab)) return;
        picked.chat.close();
        return remove(picked.tab);
    }
  };
  const stateOf = ({ chat, tab }: { readonly chat: Chat; readonly tab: FakeTab }): object => ({
    ...chat.getSnapshot(),
    leads: leader() === tab,
    frozen: frozen.has(tab),
  });
  return {
    get pages() {
      return pages;
    },
    join: () => open(browser.openTab()),
    async live(fates) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      for (const fate of fates) act(fate);
    },
    async end() {
      const isDone = ({ chat }: { readonly chat: Chat }): boolean =>
        chat.getSnapshot().status !== "streaming" &&
        chat.getSnapshot().status !== "submitted" &&
        (answerOf(chat)?.status ?? "streaming") !== "streaming";
      const since = systemClock.now();
      while (!pages.every(isDone)) {
        if (systemClock.now() - since > 10_000)
          throw new Error(`Not done: ${JSON.stringify(pages.map(stateOf), null, 1)}`);
        if (pages.every(({ tab }) => frozen.has(tab)) || pages.some((page) => isDone(page) && !frozen.has(page.tab))) {
          for (const tab of frozen) tab.thaw();
          frozen.clear();
        }
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
    },
  };
}

function answerOf(chat: Chat | undefined): ChatAnswer | undefined {
  return chat?.getSnapshot().messages.find((message): message is ChatAnswer => message.role === "assistant");
}

/** The message of the run in it, as the server would write it. */
function messageOf(chat: Chat): string {
  const { content: _content, requestId: _key, runId: _run, ...message } = answerOf(chat) ?? { content: "" };
  return JSON.stringify(message);
}
