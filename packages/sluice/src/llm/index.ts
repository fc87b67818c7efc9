export { createDemoModel } from "./demo.ts";
export type { DemoModelOptions } from "./demo.ts";
export { createOpenAIModel } from "./openai.ts";
export type { OpenAIClient, OpenAIModelOptions, OpenAIRequest } from "./openai.ts";
export type { Model, ModelMessage, ModelRequest } from "./types.ts";
