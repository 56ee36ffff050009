// Runs session after session: decides by the error's kind whether to try again, and when.

import { CaptureError, errorPolicy } from "../core/errors.ts";
import { Backoff } from "./backoff.ts";
import { BatchSize } from "./batch_size.ts";
import type { CaptureParts, CaptureSettings, SessionMemory } from "./capture_parts.ts";
import { CountedUpTo } from "./counted.ts";
import { runSession } from "./session.ts";
import { SilenceLimit } from "./silence.ts";
import { delay } from "../core/wait.ts";

/** How a supervised capture stops. */
export interface SupervisorSettings {
  /** The time from the request to stop to the end, whatever happens. */
  readonly stopMsMax: number;
}

/**
 * Captures until `stop` aborts and everything read is delivered.
 * @param random gives a number from 0 to 1, for the backoff's jitter
 * @throws CaptureError of a kind that stops the program, or a bug's own error
 */
export async function supervise(
  parts: CaptureParts,
  settings: CaptureSettings & SupervisorSettings,
  random: () => number,
  stop: AbortSignal,
): Promise<void> {
  const kill = new AbortController();
  const memory: SessionMemory = {
    silence: new SilenceLimit(),
    batchSize: new BatchSize(settings.batchBytesMax),
    backoff: new Backoff(random),
    counted: new CountedUpTo(),
    kafkaTried: false,
  };
  let deadline: ReturnType<typeof setTimeout> | undefined;
  const onStop = () => {
    deadline = setTimeout(
      () => kill.abort(new DOMException("stopping took too long", "TimeoutError")),
      settings.stopMsMax,
    );
  };
  stop.addEventListener("abort", onStop, { once: true });
  try {
    while (!stop.aborted) {
      try {
        await runSession(parts, settings, memory, stop, kill.signal);
        return;
      } catch (error) {
        if (stop.aborted) return reportAbandoned(parts, error, kill.signal);
        await recover(parts, settings, memory, error, stop);
      }
    }
  } finally {
    clearTimeout(deadline);
    stop.removeEventListener("abort", onStop);
  }
}

/** Waits where the error's kind allows another try, and throws it where not. */
async function recover(
  parts: CaptureParts,
  settings: CaptureSettings,
  memory: SessionMemory,
  error: unknown,
  stop: AbortSignal,
): Promise<void> {
  if (!(error instanceof CaptureError)) throw error;
  const policy = errorPolicy(error.kind);
  if (policy.action === "stop") throw error;
  if (error.kind === "postgres-silent") memory.silence.exceeded();
  if (error.kind === "kafka-silent") memory.batchSize.notAnswered();
  const pauseMs = error.kind === "slot-in-use"
    ? settings.pollIntervalMs
    : memory.backoff.next(policy.pauseMsMax);
  parts.lifecycle.retrying(error, pauseMs);
  try {
    await delay(pauseMs, stop);
  } catch {
    // Asked to stop while waiting: the loop ends.
  }
}

/** What could not be drained in time, or failed meanwhile, comes again at the next start: nothing is lost. */
function reportAbandoned(parts: CaptureParts, error: unknown, kill: AbortSignal): void {
  if (error instanceof CaptureError) parts.lifecycle.abandoned(error);
  else if (kill.aborted) {
    parts.lifecycle.abandoned(new CaptureError("kafka-unavailable", "Cannot drain in time"));
  } else if (!(error instanceof DOMException)) throw error;
}
