import { AgentFactory, AgentNetwork, AgentNetworkEvent } from "sluice/agents";
import { peer } from "../lib/peer.mjs";

/**
 * @typedef {object} Chain
 * @property {"raw" | "sluice" | "peer"} kind
 * @property {() => Promise<(tokens: readonly string[], take: (text: string) => void) => Promise<void>>} load
 * passes each token through three stages, which each add a character, and calls `take` with what comes out
 */

/** What everything else is measured against. */
export const REFERENCE = "raw: three async generators";

const MARKS = ["a", "b", "c"];

/** @type {Record<string, Chain>} */
export const chains = {
  [REFERENCE]: {
    kind: "raw",
    load: async () => async (tokens, take) => {
      let texts = each(tokens);
      for (const mark of MARKS) texts = marked(texts, mark);
      for await (const text of texts) take(text);
    },
  },
  "sluice: agents, awaited": { kind: "sluice", load: async () => network(true) },
  "sluice: agents, not awaited": { kind: "sluice", load: async () => network(false) },
  "rxjs: three Subjects": {
    kind: "peer",
    async load() {
      const { Subject, map } = await peer("rxjs");
      return async (tokens, take) => {
        const first = new Subject();
        let last = first;
        for (const mark of MARKS) {
          const next = new Subject();
          last.pipe(map((/** @type {string} */ text) => text + mark)).subscribe(next);
          last = next;
        }
        last.subscribe(take);
        for (const token of tokens) first.next(token);
        first.complete();
      };
    },
  },
};

/** @param {readonly string[]} tokens */
async function* each(tokens) {
  yield* tokens;
}

/** @param {AsyncIterable<string>} texts @param {string} mark */
async function* marked(texts, mark) {
  for await (const text of texts) yield text + mark;
}

/**
 * The least that a schema can do: what a library takes to check is its own.
 *
 * @type {Parameters<typeof AgentNetworkEvent.of>[1]}
 */
const text = {
  "~standard": {
    version: 1,
    vendor: "bench",
    validate: (value) => (typeof value === "string" ? { value } : { issues: [{ message: "no text" }] }),
  },
};

/** @param {boolean} awaited */
function network(awaited) {
  /** @type {readonly string[]} */
  let given = [];
  /** @type {(text: string) => void} */
  let taking = () => {};
  const Start = AgentNetworkEvent.of("start-work", text);
  const Token = AgentNetworkEvent.of("token", text);
  const stages = MARKS.map((name) => AgentNetworkEvent.of(name, text));
  const source = AgentFactory.run()
    .listensTo([Start])
    .emits([Token])
    .logic(async ({ emit }) => {
      for (const payload of given) {
        const taken = emit({ name: "token", payload });
        if (awaited) await taken;
      }
    })
    .produce();
  const built = AgentNetwork.setup(({ mainChannel, createChannel, registerAgent, sink }) => {
    let channel = createChannel("tokens");
    /** @type {import("sluice/agents").EventDefinition} */
    let before = Token;
    registerAgent(source).subscribe(mainChannel).publishTo(channel);
    for (const stage of stages) {
      const next = createChannel(`after-${stage.name}`);
      const agent = AgentFactory.run()
        .listensTo([before])
        .emits([stage])
        .logic(({ triggerEvent, emit }) => {
          const taken = emit({ name: stage.name, payload: triggerEvent.payload + stage.name });
          return awaited ? taken : undefined;
        })
        .produce();
      registerAgent(agent).subscribe(channel).publishTo(next);
      channel = next;
      before = stage;
    }
    channel.sink(sink.callback(({ payload }) => taking(/** @type {string} */ (payload))));
  });
  const plane = built.run();
  let runs = 0;
  return async (/** @type {readonly string[]} */ tokens, /** @type {(text: string) => void} */ take) => {
    given = tokens;
    taking = take;
    const runId = `run ${(runs += 1)}`;
    await plane.publish("main", Start.makeBound({ runId, contextId: runId }, ""));
    await plane.ended(runId);
  };
}
