// SIGTERM and SIGINT: the first requests a clean stop, the second ends the process at once.

import { EXIT_INTERRUPTED } from "./exit_code.ts";

const SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];
// Ctrl-C arrives twice if a task runner forwards a signal that the terminal sent to both processes.
const ONE_SIGNAL_MS = 300;

/** A signal that aborts when the process is asked to stop. Disposing of it removes the signal handlers. */
interface StopSignal extends Disposable {
  readonly signal: AbortSignal;
}

/** @param onFirst called when the clean stop begins */
export function onStopSignal(onFirst: () => void): StopSignal {
  const stop = new AbortController();
  let firstAt = 0;
  const handler = () => {
    if (stop.signal.aborted) {
      if (performance.now() - firstAt > ONE_SIGNAL_MS) Deno.exit(EXIT_INTERRUPTED);
      return;
    }
    firstAt = performance.now();
    onFirst();
    stop.abort(new DOMException("stop requested", "AbortError"));
  };
  for (const signal of SIGNALS) Deno.addSignalListener(signal, handler);
  return {
    signal: stop.signal,
    [Symbol.dispose]() {
      for (const signal of SIGNALS) Deno.removeSignalListener(signal, handler);
    },
  };
}
