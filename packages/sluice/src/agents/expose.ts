import { wrongOption } from "../base/options.ts";
import { parseRunEvent } from "../chat/index.ts";
import { createSluice, type Sluice } from "../http/index.ts";
import { createEndpoint } from "./endpoint.ts";
import type { ExposedAPI, ExposeOptions } from "./exposed.ts";
import { ANONYMOUS, ownerOf } from "./owner.ts";
import { createPlane, PLAN } from "./plane.ts";
import type { NetworkPlan } from "./plan.ts";

/** @throws SluiceError `option/invalid`; `chat/reserved-event` for an event that would be streamed under such a name */
export function expose(plan: NetworkPlan, options: ExposeOptions): ExposedAPI {
  const { select = {}, auth, plane = createPlane(plan, {}), sluice } = options;
  if (sluice && options.log) throw wrongOption("log", "A sluice of your own has a log of its own.");
  if (sluice && !auth) throw wrongOption("auth", "A sluice of your own needs `auth`, which names the owners it knows.");
  if (plane[PLAN] !== plan) throw wrongOption("plane", "This plane is of another network.");
  const startEvent = options.triggerEvents?.[0]?.name ?? options.startEventName ?? "request";
  const channels = new Set(channelsOf(plan, select.channels));
  const events = select.events && new Set(select.events);
  checkStart(plan, startEvent, options);
  checkNames(plan, channels, events);
  return createEndpoint({ plan, plane, sluice: sluice ?? ownSluice(options), options, channels, events, startEvent });
}

function channelsOf({ channels }: NetworkPlan, selected: string | readonly string[] | undefined): readonly string[] {
  const all = [...channels.values()];
  const marked = all.filter(({ httpStream }) => httpStream).map(({ name }) => name);
  const names = typeof selected === "string" ? [selected] : (selected ?? (marked.length > 0 ? marked : ["client"]));
  for (const name of names) {
    if (channels.has(name)) continue;
    throw wrongOption("select", `There is no channel ${name} to stream; there are ${[...channels.keys()].join(", ")}.`);
  }
  return names;
}

// A name with a slip in it would otherwise be an answer without events.
function checkStart(
  { main, events }: NetworkPlan,
  name: string,
  { onRequest, triggerEvents = [] }: ExposeOptions,
): void {
  for (const definition of triggerEvents) {
    const known = events.get(definition.name);
    if (known && known !== definition) throw wrongOption("triggerEvents", `${definition.name} is defined twice.`);
  }
  const heard =
    main.agents.some(({ listensTo }) => listensTo === undefined || listensTo.has(name)) ||
    main.spawners.length > 0 ||
    main.sinks.length > 0 ||
    main.httpStream !== undefined;
  if (onRequest || heard) return;
  throw wrongOption("startEventName", `Nobody on the main channel listens to ${name}, with which a run begins.`);
}

function checkNames(plan: NetworkPlan, channels: ReadonlySet<string>, events: ReadonlySet<string> | undefined): void {
  for (const { agent, publishTo } of [...plan.channels.values()].flatMap(({ agents }) => agents)) {
    const streamed = publishTo.filter(({ name }) => channels.has(name));
    const sent = agent.emits.filter(
      ({ name }) =>
        (events === undefined || events.has(name)) &&
        streamed.some(({ carries }) => carries === undefined || carries.has(name)),
    );
    for (const { name } of sent) parseRunEvent({ event: name, data: null });
  }
}

function ownSluice({ auth, log }: ExposeOptions): Sluice {
  return createSluice({
    ...(log ? { log } : {}),
    async authorize(request, action) {
      const owner = await ownerOf(auth, { request });
      // Without an owner, who has the id of a run may read and stop it, and nothing else.
      return owner === ANONYMOUS && action.kind !== "read" && action.kind !== "stop" ? undefined : owner;
    },
  });
}
