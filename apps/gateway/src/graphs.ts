import { z } from "zod";
import { SluiceError } from "sluice/errors";
import { createGraphs, type GraphBuilder, type Graphs } from "sluice/graphs";
import type { Ask } from "sluice/http";
import type { Models } from "./models.ts";

/**
 * The graphs that can be asked for. A version that is asked for is that version or none: there is but one, and whoever
 * wants another is not to get it under that name.
 */
export function createGatewayGraphs(models: Models): Graphs {
  return createGraphs({ graphs: [{ name: "streaming-chat", builder: streamingChat(models) }], strict: true });
}

// Keys that are not named here belong to graphs that read them.
const settings = z.looseObject({
  systemPrompt: z.string().max(100_000).optional(),
  temperature: z.number().min(0).max(2).optional(),
  maxTokens: z.number().int().min(1).optional(),
});

/** Answers with a model and does nothing else. It is what answers when no graph is named. */
function streamingChat(models: Models): GraphBuilder {
  return {
    version: "1.0.0",
    check(ask) {
      settingsOf(ask);
      models.get(ask.model);
      if (ask.messages.length === 0) throw wrong("input", "input: a message of the user is needed.");
    },
    buildGraph({ graphSettings, messages, model, signal }) {
      const { systemPrompt, temperature, maxTokens } = settingsOf({ graphSettings });
      const system = systemPrompt === undefined ? [] : [{ role: "system" as const, content: systemPrompt }];
      const request = {
        messages: [...system, ...messages],
        settings: {
          ...(temperature === undefined ? {} : { temperature }),
          ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
        },
      };
      return models.get(model).stream(request, signal);
    },
  };
}

function settingsOf({ graphSettings }: Pick<Ask, "graphSettings">): z.infer<typeof settings> {
  const parsed = settings.safeParse(graphSettings ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = ["graphSettings", ...(issue?.path ?? [])].join(".");
  throw wrong(field, `${field}: ${issue?.message ?? "invalid"}.`);
}

function wrong(field: string, message: string): SluiceError {
  return new SluiceError("request/invalid", message, { details: { field } });
}
