import { wrongOption } from "../base/options.ts";
import { complexityOf } from "./router-complexity.ts";
import { estimateTokens, type CountTokens } from "./tokens.ts";
import type { Model, ModelRequest } from "./types.ts";

export interface RouterModels {
  /** Complexity up to 0.3 and up to 512 tokens. */
  readonly small: Model;
  /** Complexity up to 0.7 and up to 2,048 tokens. */
  readonly large: Model;
  /** Everything else. */
  readonly reasoning: Model;
}

export interface RouterOptions extends RouterModels {
  /** How hard a request is, from 0 to 1. Default: `complexityOf`, which reads English. */
  readonly complexity?: (request: ModelRequest) => number | Promise<number>;
  /** Counts all messages of a request. Default: `estimateTokens`. */
  readonly countTokens?: CountTokens;
  /** Default `router`. */
  readonly name?: string;
}

/** Which model answers, and why. Travels in the metadata of the message, as `route`. */
export interface Route {
  readonly tier: keyof RouterModels;
  /** Its name. */
  readonly model: string;
  readonly complexity: number;
  readonly tokens: number;
}

/** A model that hands each request to another. */
export interface Router extends Model {
  /** The choice without the call. @throws SluiceError `option/invalid` when `complexity` gives no number from 0 to 1 */
  route(request: ModelRequest): Promise<Route>;
}

/**
 * A model that answers with the smallest of three that is enough. A request that names one of them (`request.model` is
 * its `name`) gets that one; any other name but the router's own goes on to the model that was chosen.
 */
export function createRouter(options: RouterOptions): Router {
  const { complexity = complexityOf, countTokens = estimateTokens, name = "router" } = options;

  async function route(request: ModelRequest): Promise<Route> {
    const tokens = request.messages.reduce((total, { content }) => total + countTokens(content), 0);
    const hard = await complexity(request);
    if (!(hard >= 0 && hard <= 1)) {
      throw wrongOption("complexity", "complexity must give a number from 0 to 1.");
    }
    const tier = TIERS.find((one) => options[one].name === request.model) ?? tierOf(hard, tokens);
    return { tier, model: options[tier].name, complexity: hard, tokens };
  }

  return {
    name,
    route,
    async *stream(request, signal) {
      const chosen = await route(request);
      signal.throwIfAborted();
      yield { type: "message-metadata", messageMetadata: { route: chosen } };
      const { model, ...rest } = request;
      const passed = model === name || model === chosen.model ? rest : request;
      yield* options[chosen.tier].stream(passed, signal);
    },
  };
}

const TIERS = ["small", "large", "reasoning"] as const;

function tierOf(complexity: number, tokens: number): keyof RouterModels {
  if (complexity <= 0.3 && tokens <= 512) return "small";
  return complexity <= 0.7 && tokens <= 2_048 ? "large" : "reasoning";
}
