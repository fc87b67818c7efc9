import OpenAI from "openai";
import { createDemoModel, createOpenAIModel, type Model } from "sluice/llm";
import { SluiceError } from "sluice/errors";
import type { Config } from "./config.ts";

export interface Models {
  /** The default when no name is given. @throws SluiceError `request/invalid` listing the names */
  get(name: string | undefined): Model;
  readonly list: readonly { readonly name: string; readonly demo: boolean }[];
}

/** The real models of the configuration, else the demo model. */
export function createModels(config: Pick<Config, "openai">): Models {
  const { openai } = config;
  if (!openai) return modelsOf(new Map([["demo", createDemoModel()]]), true);
  const { apiKey, baseURL = null } = openai; // null: OpenAI's own, whatever the environment says
  // The SDK prints pieces of answers when it warns; what fails is told by the run's own log line.
  const client = new OpenAI({ apiKey, baseURL, logLevel: "off" });
  return modelsOf(
    new Map(openai.models.map((model) => [model, createOpenAIModel({ client, model, wholeWhenLimited: true })])),
    false,
  );
}

function modelsOf(models: ReadonlyMap<string, Model>, demo: boolean): Models {
  const names = [...models.keys()];
  return {
    list: names.map((name) => ({ name, demo })),
    get(name = names[0] ?? "") {
      const model = models.get(name);
      if (model) return model;
      throw new SluiceError("request/invalid", `model: there is no ${JSON.stringify(name)} here.`, {
        details: { field: "model", allowed: names },
      });
    },
  };
}
