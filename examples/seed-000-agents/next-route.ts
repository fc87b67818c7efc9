// app/api/chat/[[...path]]/route.ts
import { NextEndpoint } from "sluice/agents";
import { tokens } from "./chunking.ts";
import { expose } from "./network.ts";

const handler = NextEndpoint.from(expose(tokens)).handler();

export const GET = handler;
export const POST = handler;
