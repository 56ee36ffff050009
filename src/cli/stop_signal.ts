// SIGTERM and SIGINT: the first asks for a clean stop, the second ends the process at once.

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];
// Ctrl-C reaches a process twice when a task runner passes on what the terminal has sent to both.
const ONE_SIGNAL_MS = 300;
// 128 + SIGINT, as shells report a process that a signal ended.
const EXIT_AT_ONCE = 130;

/** A signal that aborts when the process is asked to stop; disposing of it gives the process's signals back. */
export interface StopSignal extends Disposable {
  readonly signal: AbortSignal;
}

/** @param onFirst called when the clean stop begins */
export function onStopSignal(onFirst: () => void): StopSignal {
  const stop = new AbortController();
  let firstAt = 0;
  const handler = () => {
    if (stop.signal.aborted) {
      if (performance.now() - firstAt > ONE_SIGNAL_MS) Deno.exit(EXIT_AT_ONCE);
      return;
    }
    firstAt = performance.now();
    onFirst();
    stop.abort(new DOMException("asked to stop", "AbortError"));
  };
  for (const signal of SIGNALS) Deno.addSignalListener(signal, handler);
  return {
    signal: stop.signal,
    [Symbol.dispose]() {
      for (const signal of SIGNALS) Deno.removeSignalListener(signal, handler);
    },
  };
}
