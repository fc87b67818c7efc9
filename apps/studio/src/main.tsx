import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createChatStore } from "./chat/store.ts";
import { App } from "./components/app.tsx";
import "./styles/theme.css";
import "./styles/page.css";
import "./styles/message.css";
import "./styles/markdown.css";
import "./styles/composer.css";

const connection = { fetch: fetch.bind(globalThis), origin: location.origin };
const store = createChatStore({
  connection,
  storage: {
    getItem: (key) => sessionStorage.getItem(key),
    setItem: (key, value) => sessionStorage.setItem(key, value),
  },
  nextFrame: requestAnimationFrame,
  now: () => performance.now(),
  newId: randomId,
});
addEventListener("pagehide", () => store.save());

const root = document.querySelector("#root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App store={store} connection={connection} />
    </StrictMode>,
  );
}

/** `crypto.randomUUID` is not there on plain HTTP; 128 random bits are. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
