import { z } from "zod";
import { SluiceError } from "sluice/errors";
import type { Answer, Ask } from "sluice/http";
import type { Models } from "./models.ts";

/** The graphs that can be asked for, newest last. */
export const GRAPHS: readonly string[] = ["streaming-chat::1.0.0"];

// Keys that are not named here belong to graphs that read them.
const settings = z.looseObject({
  graphType: z.string().optional(),
  systemPrompt: z.string().max(100_000).optional(),
  temperature: z.number().min(0).max(2).optional(),
  maxTokens: z.number().int().min(1).optional(),
});

/** Answers with a model: `streaming-chat` does nothing else, and it is what answers when no graph is named. */
export function createAnswer(models: Models): Answer {
  return (ask) => {
    const { systemPrompt, temperature, maxTokens, graphType } = settingsOf(ask);
    const graph = checkGraph(ask.graphType);
    if (graphType !== undefined && checkGraph(graphType) !== graph) {
      throw wrong("graphSettings.graphType", "graphSettings.graphType names another graph than graphType.");
    }
    const model = models.get(ask.model);
    const system = systemPrompt === undefined ? [] : [{ role: "system" as const, content: systemPrompt }];
    const request = {
      messages: [...system, ...ask.messages],
      settings: {
        ...(temperature === undefined ? {} : { temperature }),
        ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
      },
    };
    return ({ signal }) => model.stream(request, signal);
  };
}

function settingsOf(ask: Ask): z.infer<typeof settings> {
  const parsed = settings.safeParse(ask.graphSettings ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = ["graphSettings", ...(issue?.path ?? [])].join(".");
  throw wrong(field, `${field}: ${issue?.message ?? "invalid"}.`);
}

/** `name` means its newest version. @throws SluiceError `graph/unknown`, listing what exists */
function checkGraph(asked: string = "streaming-chat"): string {
  const found = GRAPHS.findLast((graph) => graph === asked || graph.split("::")[0] === asked);
  if (found !== undefined) return found;
  throw new SluiceError("graph/unknown", `There is no graph ${JSON.stringify(asked)}.`, {
    details: { field: "graphType", allowed: GRAPHS },
  });
}

function wrong(field: string, message: string): SluiceError {
  return new SluiceError("request/invalid", message, { details: { field } });
}
