const text = "This is a streamed response from the server.";

/** Stands for a model that you ask. */
export async function* words(signal: AbortSignal, pauseMs = 20): AsyncGenerator<string> {
  for (const chunk of text.split(" ")) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    if (signal.aborted) return;
    yield chunk + " ";
  }
}
