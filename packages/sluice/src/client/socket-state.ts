/** What a conversation is about to do, as the person sees it. */
export type VoiceAgentState = "READY" | "RECORDING" | "UPSTREAMING" | "PROCESSING" | "DOWNSTREAMING" | "RESPONDING";

/** What happens in a turn. */
export type TurnEvent =
  | { readonly kind: "record" | "stop" | "received" | "audio" | "played" | "reset" }
  /** The answer is complete; something of it may be still to be heard. */
  | { readonly kind: "end"; readonly playing: boolean };

/**
 * The whole of the state machine. An answer may begin while its talk goes on: then the state is RECORDING until the
 * talk is over. What does not fit changes nothing: it is late, of a turn that has been given up.
 */
export function nextState(state: VoiceAgentState, event: TurnEvent, answering: boolean): VoiceAgentState {
  switch (event.kind) {
    case "reset":
      return "READY";
    case "record":
      return state === "READY" ? "RECORDING" : state;
    case "stop":
      if (state !== "RECORDING") return state;
      return answering ? "DOWNSTREAMING" : "UPSTREAMING";
    case "received":
      return state === "UPSTREAMING" ? "PROCESSING" : state;
    case "audio":
      return state === "UPSTREAMING" || state === "PROCESSING" ? "DOWNSTREAMING" : state;
    case "end":
      if (state === "READY" || state === "RECORDING") return state;
      return event.playing ? "RESPONDING" : "READY";
    case "played":
      return state === "RESPONDING" ? "READY" : state;
  }
}
