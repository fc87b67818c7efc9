import express, { type Express } from "express";
import { ExpressEndpoint } from "sluice/agents";
import { tokens, words } from "./chunking.ts";
import { expose, greeter } from "./network.ts";

export const app: Express = express();
app.use(express.json()); // not needed: a body that was not parsed is read

app.use("/api/chat", ExpressEndpoint.from(expose(greeter)).handler());
app.use("/api/tokens", ExpressEndpoint.from(expose(tokens)).handler());
app.use("/api/words", ExpressEndpoint.from(expose(words)).handler());
