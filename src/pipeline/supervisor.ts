// Runs session after session. The kind of an error decides whether and when the next one starts.

import { CaptureError, errorPolicy } from "../core/errors.ts";
import type { CaptureParts, CaptureSettings, SessionContext } from "./capture_parts.ts";
import { RestartSession } from "./restart_session.ts";
import { runSession } from "./session.ts";
import { SessionMemory } from "./session_memory.ts";

export interface SupervisorSettings {
  /** The longest time from the request to stop until the end. */
  readonly stopMsMax: number;
}

/**
 * Captures until `stop` aborts and everything that was received is delivered.
 * @param random returns a number from 0 to 1, for the jitter of pauses
 * @throws CaptureError of a kind that ends the program; a bug's own error
 */
export async function supervise(
  parts: CaptureParts,
  settings: CaptureSettings & SupervisorSettings,
  random: () => number,
  stop: AbortSignal,
): Promise<void> {
  const kill = new AbortController();
  const ended = new AbortController();
  const killInTime = () =>
    parts.clock.sleep(settings.stopMsMax, ended.signal).then(
      () => kill.abort(new DOMException("stopping took too long", "TimeoutError")),
      () => {},
    );
  stop.addEventListener("abort", killInTime, { once: true });
  const memory = new SessionMemory(settings.batchBytesMax, random);
  const context = { parts, settings, memory, stop, kill: kill.signal };
  try {
    while (!stop.aborted) {
      try {
        return await runSession(context);
      } catch (error) {
        if (stop.aborted) return reportAbandoned(parts, error, kill.signal);
        if (!(error instanceof RestartSession)) await pauseAfter(error, context);
      }
    }
  } finally {
    ended.abort();
    stop.removeEventListener("abort", killInTime);
  }
}

/** @throws the error, unless its kind allows another attempt */
async function pauseAfter(error: unknown, { parts, settings, memory, stop }: SessionContext): Promise<void> {
  if (!(error instanceof CaptureError)) throw error;
  const policy = errorPolicy(error.kind);
  if (policy.action === "stop") throw error;
  memory.failed(error);
  const pauseMs = error.kind === "slot-in-use"
    ? settings.pollIntervalMs
    : memory.backoff.next(policy.pauseMsMax);
  parts.events.retrying(error, pauseMs);
  // When `stop` aborts the pause, the loop ends.
  await parts.clock.sleep(pauseMs, stop).catch(() => {});
}

/**
 * Changes not delivered in time, or because of an error, are received again at the next start: nothing is
 * lost.
 */
function reportAbandoned({ events }: CaptureParts, error: unknown, kill: AbortSignal): void {
  const found = error instanceof RestartSession ? error.cause : error;
  if (found instanceof CaptureError) events.abandoned(found);
  else if (kill.aborted) events.abandoned(new CaptureError("kafka-unavailable", "Cannot drain in time"));
  else if (!(found instanceof DOMException)) throw found;
}
