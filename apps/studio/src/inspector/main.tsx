import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createApi } from "./api.ts";
import { Inspector } from "./inspector.tsx";
import "../styles/theme.css";
import "uplot/dist/uPlot.min.css";
import "./inspector.css";
import "./totals.css";
import "./list.css";
import "./run.css";
import "./events.css";

const api = createApi({ fetch: fetch.bind(globalThis), origin: location.origin });
const root = document.querySelector("#root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Inspector api={api} />
    </StrictMode>,
  );
}
