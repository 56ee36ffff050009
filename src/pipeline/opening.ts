// Opens what a session needs beside the source: the sink and the checkpoint.

import { CaptureError, errorPolicy } from "../core/errors.ts";
import type { CaptureParts, CaptureSettings, SessionMemory } from "./capture_parts.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Progress, SourceIdentity } from "../core/position.ts";
import type { Checkpoint, Sink } from "./ports.ts";
import { delay } from "../core/wait.ts";

/** Opens a sink, trying again while Kafka is away: the slot stays held meanwhile. */
export async function openSink(
  parts: CaptureParts,
  identity: SourceIdentity,
  memory: SessionMemory,
  signal: AbortSignal,
): Promise<{ sink: Sink; progress: Progress | null }> {
  for (;;) {
    const sink = parts.createSink(identity, memory.batchSize.bytes);
    parts.observer.stateChanged("kafka", "connecting");
    try {
      const progress = await noticing("Kafka", parts.lifecycle, sink.open(signal));
      parts.observer.stateChanged("kafka", "streaming");
      return { sink, progress };
    } catch (error) {
      sink.close();
      signal.throwIfAborted();
      if (!(error instanceof CaptureError) || errorPolicy(error.kind).action !== "retry") throw error;
      const pauseMs = memory.backoff.next();
      parts.lifecycle.retrying(error, pauseMs);
      await delay(pauseMs, signal);
    }
  }
}

/** Waits for the promise; a server that takes a connection and then says nothing is told of before the time is up. */
export async function noticing<T>(
  part: "PostgreSQL" | "Kafka",
  lifecycle: Lifecycle,
  promise: Promise<T>,
): Promise<T> {
  const timer = setTimeout(() => lifecycle.answerAwaited(part, AWAITED_MS / 1000), AWAITED_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

const AWAITED_MS = 5_000;

/** The checkpoint; with exactly-once, one that can't be read counts as none: Kafka's record is the truth. */
export async function loadCheckpoint(
  parts: CaptureParts,
  settings: CaptureSettings,
): Promise<Checkpoint | null> {
  try {
    return await parts.store.load();
  } catch (error) {
    reportCheckpoint(parts, settings, error);
    return null;
  }
}

/** @throws the error, unless exactly-once delivery can bear it */
export function reportCheckpoint(parts: CaptureParts, settings: CaptureSettings, error: unknown): void {
  const isBearable = settings.delivery === "exactly-once" && error instanceof CaptureError &&
    error.kind === "checkpoint-unavailable";
  if (!isBearable) throw error;
  parts.lifecycle.checkpointFailed(error);
}
