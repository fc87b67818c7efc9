import { SluiceError, isErrorCode } from "../base/errors.ts";
import { parsePosition } from "../base/offset.ts";
import type { Message } from "../chat/index.ts";
import { finalOf } from "../dialects/index.ts";
import type { RunState } from "../run/index.ts";
import { messageOf } from "./replay.ts";
import { runNotFound } from "../run/state.ts";
import { json, readerLeft } from "./reply.ts";
import type { Service } from "./service.ts";
import { startOrAttach, type Answer, type Started } from "./start.ts";
import type { Call, Reply } from "./types.ts";

/** `POST /generate`: the same run as `/stream` starts, answered as JSON when it is over. */
export async function postGenerate(service: Service, answer: Answer, call: Call): Promise<Reply> {
  return startOrAttach(service, answer, call, { mustExist: false }, (started) => generated(service, call, started));
}

async function generated(service: Service, call: Call, { run, caller }: Started): Promise<Reply> {
  const askedAt = service.clock.now();
  await over(service, run, call.signal);
  if (call.signal.aborted) {
    return readerLeft(service.log, { run: run.id, chunks: 0, bytes: 0, ms: service.clock.now() - askedAt });
  }
  const ended = await service.runs.get(run.id);
  if (!ended) throw runNotFound();
  const message = await messageOf(service, ended);
  if (message.status === "failed") throw failure(run, message);
  const { requestId } = run;
  return json(
    200,
    {
      ...(requestId === undefined ? {} : { requestId }),
      runId: run.id,
      status: message.status,
      message,
      ...finalOf(message),
    },
    { "sluice-run-id": run.id, ...caller.headers },
  );
}

/** Resolves when the run is over, or the caller has gone. Nothing of the answer is kept meanwhile. */
async function over({ runs }: Service, run: RunState, signal: AbortSignal): Promise<void> {
  const { sequence: after } = parsePosition(run.lastOffset);
  for await (const { end } of runs.store.tail(run.id, { after, signal })) if (end) return;
  if (!signal.aborted) throw new SluiceError("log/released", "The store was let go of while the answer was awaited.");
}

function failure(run: RunState, message: Message): SluiceError {
  const { code, message: text } = message.error ?? { code: "PROCESSING_ERROR", message: "The answer failed." };
  return new SluiceError(isErrorCode(code) ? code : "PROCESSING_ERROR", text, { details: { runId: run.id } });
}
