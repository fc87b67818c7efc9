import { systemClock, type Clock } from "../base/clock.ts";
import { safely, silent, type Logger } from "../base/log.ts";
import { checkWhole, wrongOption } from "../base/options.ts";
import type { AdmitSocket, AuthorizeSocket, SocketConversationOptions, SocketLimits, TalkHandler } from "./types.ts";

/** The options, checked and with their defaults. */
export interface Settings extends Required<SocketLimits> {
  readonly path: string;
  readonly authorize: AuthorizeSocket;
  readonly handler: TalkHandler;
  readonly admit: AdmitSocket | undefined;
  readonly heartbeatMs: number;
  readonly stallMs: number;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Of a text message, in bytes: no message of the protocol is near it. */
export const MAX_TEXT_BYTES = 4_096;

const MIB = 1_048_576;
const DEFAULTS: Required<SocketLimits> = {
  maxConversations: 1_000,
  maxPerOwner: 8,
  maxMessageBytes: 65_536,
  maxTalkBytes: 8 * MIB,
  maxTalkMs: 300_000,
  maxAnswerBytes: 32 * MIB,
  maxTurnMs: 600_000,
};

/** @throws SluiceError `option/invalid` */
export function settingsOf(options: SocketConversationOptions): Settings {
  const { path = "/ws", authorize, handler, admit, limits = {}, heartbeatMs = 15_000, stallMs = 60_000 } = options;
  const { log = silent, clock = systemClock } = options;
  if (!/^\/[^?#\s]*[^/?#\s]$/.test(path)) throw wrongOption("path", "path must be like /ws.");
  const given = { ...DEFAULTS, ...limits };
  const whole = (field: keyof SocketLimits, from = 1): number => checkWhole(`limits.${field}`, given[field], { from });
  return {
    path,
    authorize,
    handler,
    admit,
    maxConversations: whole("maxConversations"),
    maxPerOwner: whole("maxPerOwner"),
    maxMessageBytes: whole("maxMessageBytes", 1_024),
    maxTalkBytes: whole("maxTalkBytes"),
    maxTalkMs: whole("maxTalkMs"),
    maxAnswerBytes: whole("maxAnswerBytes"),
    maxTurnMs: whole("maxTurnMs"),
    heartbeatMs: checkWhole("heartbeatMs", heartbeatMs),
    stallMs: checkWhole("stallMs", stallMs),
    log: safely(log),
    clock,
  };
}
