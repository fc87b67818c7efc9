import { SluiceError, isErrorCode } from "../base/errors.ts";
import { createFold } from "../chat/index.ts";
import type { Message, RunEvent } from "../chat/index.ts";
import { finalOf } from "../dialects/index.ts";
import type { RunState } from "../run/index.ts";
import { json } from "./reply.ts";
import { startOrAttach, type Answer } from "./start.ts";
import type { Service } from "./read.ts";
import type { Call, Reply } from "./types.ts";

/** `POST /generate`: the same run as `/stream` starts, answered as JSON when it is over. */
export async function postGenerate(service: Service, answer: Answer, call: Call): Promise<Reply> {
  const { run, caller } = await startOrAttach(service, answer, call, { mustExist: false });
  const message = await untilOver(service, run, call.signal);
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

async function untilOver(service: Service, run: RunState, signal: AbortSignal): Promise<Message> {
  const fold = createFold();
  for await (const { entries } of service.runs.store.tail(run.id, { after: 0, signal })) {
    for (const entry of entries) fold.add(JSON.parse(entry) as RunEvent);
  }
  const { message } = fold;
  if (message.status === "streaming") {
    signal.throwIfAborted();
    throw new SluiceError("log/released", "The store was let go of while the answer was awaited.");
  }
  return message;
}

function failure(run: RunState, message: Message): SluiceError {
  const { code, message: text } = message.error ?? { code: "PROCESSING_ERROR", message: "The answer failed." };
  return new SluiceError(isErrorCode(code) ? code : "PROCESSING_ERROR", text, { details: { runId: run.id } });
}
