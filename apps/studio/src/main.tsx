import { createChat } from "sluice/client";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./components/app.tsx";
import { followRuns } from "./page/follow-runs.ts";
import { threadOf } from "./page/route.ts";
import { createWake } from "./page/wake.ts";
import { deleteThread, readRunning, readThreads, renameThread } from "./server/threads.ts";
import { createDrafts } from "./state/drafts.ts";
import { createSettings } from "./state/settings.ts";
import { createStudio } from "./state/studio.ts";
import { createThreadList } from "./state/thread-list.ts";
import { createWireLog } from "./state/wire-log.ts";
import "./styles/theme.css";
import "./styles/page.css";
import "./styles/threads.css";
import "./styles/layers.css";
import "./styles/message.css";
import "./styles/parts.css";
import "./styles/markdown.css";
import "./styles/composer.css";
import "./styles/wire.css";

const server = { fetch: fetch.bind(globalThis), origin: location.origin };
const wake = createWake(window);

const threads = createThreadList({
  readThreads: (before) => readThreads(server, before),
  readRunning: () => readRunning(server),
  rename: (id, title) => renameThread(server, id, title),
  delete: (id, how) => deleteThread(server, id, how),
  now: Date.now,
  timer(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
});
const studio = createStudio({
  server,
  threads,
  settings: createSettings(allowed(() => localStorage)),
  drafts: createDrafts(allowed(() => sessionStorage)),
  createChat,
  createWireLog: () => createWireLog({ now: Date.now, soon: (run) => setTimeout(run, 150) }),
  chatOptions: { wake },
  newId: randomId,
  navigate: (address, how) =>
    how === "push" ? history.pushState(null, "", address) : history.replaceState(null, "", address),
  threadId: threadOf(location.search),
});

addEventListener("popstate", () => studio.open(threadOf(location.search), "stay"));
addEventListener("pagehide", studio.leave);
followRuns(window, {
  look: threads.refreshRunning,
  refresh: threads.refresh,
  busy: () => threads.getSnapshot().threads.some(({ running }) => running),
  subscribe: threads.subscribe,
});

const root = document.querySelector("#root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App studio={studio} onConnect={wake.now} />
    </StrictMode>,
  );
}

/** Some browsers refuse the mere question. */
function allowed(storage: () => Storage): Storage | undefined {
  try {
    return storage();
  } catch {
    return undefined;
  }
}

/** `crypto.randomUUID` is not there on plain HTTP; 128 random bits are. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
