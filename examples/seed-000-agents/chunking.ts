import OpenAI from "openai";
import { AgentFactory } from "sluice/agents";
import { ensureFullWords, Pump } from "sluice/flow";
import { requestEvent, responseEvent } from "./events.ts";

const openai = new OpenAI();

/** Emits each token of the model as an event. */
export const tokens = AgentFactory.run()
  .listensTo([requestEvent])
  .emits([responseEvent])
  .logic(async ({ triggerEvent, emit, signal }) => {
    const stream = await openai.chat.completions.create(
      { model: "gpt-4o", messages: [{ role: "user", content: triggerEvent.payload.query }], stream: true },
      { signal },
    );
    for await (const chunk of stream) {
      const content = chunk.choices[0]?.delta?.content;
      if (content) {
        emit({ name: "response", payload: { text: content, isFinal: false } });
      }
    }
    emit({ name: "response", payload: { text: "", isFinal: true } });
  })
  .produce({});

/** The same in whole words. What is awaited slows the model down while a channel is full. */
export const words = AgentFactory.run()
  .listensTo([requestEvent])
  .emits([responseEvent])
  .logic(async ({ triggerEvent, emit, signal }) => {
    const stream = await openai.chat.completions.create(
      { model: "gpt-4o", messages: [{ role: "user", content: triggerEvent.payload.query }], stream: true },
      { signal },
    );
    await Pump.from(stream)
      .map((chunk) => chunk.choices[0]?.delta?.content ?? "")
      .filter((content) => content !== "")
      .rechunk(ensureFullWords)
      .onChunk((text) => emit({ name: "response", payload: { text, isFinal: false } }))
      .drain();
    await emit({ name: "response", payload: { text: "", isFinal: true } });
  })
  .produce({});
