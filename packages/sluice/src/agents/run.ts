import { SluiceError } from "../base/errors.ts";
import { isObject } from "../base/json.ts";
import type { ApplicationEvent } from "../chat/index.ts";
import { envelopeDialect } from "../dialects/index.ts";
import type { StartedRun } from "../http/index.ts";
import type { SourceContext } from "../run/index.ts";
import type { Envelope } from "./event.ts";
import type { Exposed } from "./exposed.ts";
import { Outbox } from "./outbox.ts";
import { ANONYMOUS } from "./owner.ts";
import { BEGIN } from "./plane.ts";
import type { ChannelPlan } from "./plan.ts";
import type { Start } from "./start.ts";

/** Starts the run of a request, or attaches to the one that has its key. @throws as `startRun` of a sluice */
export async function beginRun(exposed: Exposed, start: Start): Promise<StartedRun> {
  const { sluice, options } = exposed;
  const { owner, requestId, request, meta, named } = start;
  const { onDisconnect = "continue" } = options;
  let leave = (): void => {};
  const run = await sluice.startRun(
    {
      owner,
      request,
      ...(requestId === undefined ? {} : { requestId }),
      // What a reader is told it in who asks for nothing else.
      meta: { dialect: envelopeDialect.name, ...(named ? { contextId: meta.contextId } : {}) },
      ...(onDisconnect === "continue" ? {} : { onUnwatched: () => leave() }),
    },
    (context) => {
      const { events, fail } = produce(exposed, start, context);
      if (onDisconnect === "throw") leave = () => fail(new SluiceError("reader/left", "Client disconnected"));
      return events;
    },
  );
  if (onDisconnect === "stop") leave = () => void run.stop().catch(() => {});
  return run;
}

/** Runs the network. Its events are done with when the log has them. */
function produce(
  { plan, plane, sluice, channels, events: selected }: Exposed,
  { owner, meta, named, events }: Start,
  { runId, signal }: SourceContext,
): { readonly events: AsyncIterable<ApplicationEvent>; fail(error: unknown): void } {
  const outbox = new Outbox<ApplicationEvent>();
  let sequence = 1; // that of `start`

  function deliver(channel: ChannelPlan, event: Envelope): Promise<void> | undefined {
    if (!channels.has(channel.name) || (selected && !selected.has(event.name))) return undefined;
    sequence += 1;
    const put = outbox.put(entryOf(event, named));
    if (channel.httpStream?.waitForReader !== true) return put;
    const taken = sluice.whenTaken(runId, sequence);
    return put.then(() => taken);
  }

  const contextKey = named && owner !== ANONYMOUS ? JSON.stringify([owner, meta.contextId]) : undefined;
  const run = plane[BEGIN]({ meta: { runId, ...meta }, signal, contextKey, deliver });
  run.ended.then(
    () => outbox.end(),
    (error: unknown) => outbox.end({ error }),
  );
  run.enter();
  void (async () => {
    for (const event of events) await run.publish([plan.main.name], event);
  })()
    .catch((error: unknown) => run.fail(error))
    .finally(() => run.leave());
  return { events: outbox, fail: (error) => run.fail(error) };
}

/**
 * An event as the log has it: its payload under its name. What the app has named beside the run goes along, and so does
 * everything where a payload could be taken for an envelope.
 */
function entryOf({ name, meta, payload }: Envelope, named: boolean): ApplicationEvent {
  const whole = named || meta.correlationId !== undefined || (isObject(payload) && Object.hasOwn(payload, "payload"));
  const data = payload === undefined ? null : payload;
  if (!whole) return { event: name, data };
  const { runId, contextId, correlationId } = meta;
  const told = {
    runId,
    ...(named ? { contextId } : {}),
    ...(correlationId === undefined ? {} : { correlationId }),
  };
  return { event: name, data: { name, meta: told, payload: data } };
}
